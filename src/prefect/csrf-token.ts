import { z } from "zod";
import { type HttpAnswer, jsonOf } from "./answer-reading.ts";

const tokenSchema = z.object({ token: z.string() });

/**
 * The token that a server with CSRF protection wants on every POST, reads included. It is fetched when a request is
 * refused for want of it, never ahead: so a server without the protection costs nothing, and expiry, which looks the
 * same, needs no clock.
 */
export class CsrfToken {
	readonly #clientId: string;
	#token: string | null = null;
	#refresh: Promise<boolean> | null = null;

	/** @param clientId one a process: a second token for the same id invalidates the first */
	constructor(clientId: string) {
		this.#clientId = clientId;
	}

	get value(): string | null {
		return this.#token;
	}

	headers(): Readonly<Record<string, string>> {
		return this.#token === null ? {} : { "prefect-csrf-token": this.#token, "prefect-csrf-client": this.#clientId };
	}

	/**
	 * Refusals of the same token share one request.
	 *
	 * @param refused the token that was sent
	 * @returns whether another try makes sense
	 */
	async renew(refused: string | null, get: (path: string) => Promise<HttpAnswer>): Promise<boolean> {
		if (this.#token !== refused) {
			return true;
		}
		this.#refresh ??= this.#fetch(get).finally(() => {
			this.#refresh = null;
		});
		return this.#refresh;
	}

	async #fetch(get: (path: string) => Promise<HttpAnswer>): Promise<boolean> {
		const answer = await get(`/csrf-token?client=${encodeURIComponent(this.#clientId)}`);
		// 422 and 404: the protection is off, so the refusal meant something else.
		const parsed = answer.status === 200 ? tokenSchema.safeParse(jsonOf(answer.text)) : null;
		this.#token = parsed?.success ? parsed.data.token : null;
		return this.#token !== null;
	}
}
