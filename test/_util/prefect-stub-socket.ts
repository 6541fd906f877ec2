import type { WebSocket } from "ws";
import { z } from "zod";
import type { EventJson } from "./prefect-events.ts";
import { type EventFilterJson, includesEvent, type StubWorld } from "./prefect-stub-rest.ts";

const strings = z.array(z.string()).optional();
const time = z.iso.datetime({ offset: true }).optional();

/** Prefect forbids unknown keys at every level. */
const filterSchema = z.strictObject({
	event: z.strictObject({ prefix: strings, name: strings, exclude_prefix: strings, exclude_name: strings }).optional(),
	occurred: z.strictObject({ since: time, until: time }).optional(),
	order: z.enum(["ASC", "DESC"]).optional(),
});

const backfillMsMax = 15 * 60_000;

/** What a client said in its handshake. */
export interface Subscription {
	readonly token: unknown;
	readonly filter: unknown;
	readonly backfill: boolean;
}

/** One client on the events socket, from the server's side. */
export class StubSocket {
	readonly socket: WebSocket;
	readonly #world: StubWorld;
	readonly #secret: string | null;
	readonly #onChange: () => void;
	#token: unknown;
	#isAuthenticated = false;
	#filter: EventFilterJson | null = null;
	subscription: Subscription | null = null;
	/** Like Cloud: says no, and leaves the connection to the client. */
	refusesInMessage = false;
	/** Like a peer whose process is frozen: reads nothing, says nothing. */
	isHung = false;

	/** @param secret what the token must be; null: any will do */
	constructor(socket: WebSocket, world: StubWorld, secret: string | null, onChange: () => void) {
		this.socket = socket;
		this.#world = world;
		this.#secret = secret;
		this.#onChange = onChange;
		socket.on("message", (data: Buffer) => this.#onMessage(data.toString("utf8")));
		socket.on("ping", (data) => {
			if (!this.isHung) {
				socket.pong(data);
			}
		});
		socket.on("error", () => socket.terminate());
	}

	/** Sends the event if the client's filter lets it pass; false when it does not. */
	deliver(event: EventJson): boolean {
		if (this.#filter === null || this.isHung || !includesEvent(this.#filter, event)) {
			return false;
		}
		this.socket.send(JSON.stringify({ type: "event", event }));
		return true;
	}

	#onMessage(text: string): void {
		if (this.isHung || this.#filter !== null) {
			return;
		}
		let message: Record<string, unknown>;
		try {
			message = JSON.parse(text) as Record<string, unknown>;
		} catch {
			this.socket.terminate();
			return;
		}
		if (this.#isAuthenticated) {
			this.#subscribe(message);
		} else {
			this.#authenticate(message);
		}
		this.#onChange();
	}

	#authenticate(message: Record<string, unknown>): void {
		if (message.type !== "auth") {
			this.socket.close(1008, "Expected 'auth' message");
			return;
		}
		this.#token = message.token;
		if (this.#secret !== null) {
			const token = typeof this.#token === "string" ? this.#token : "";
			if (token === "") {
				this.socket.close(1008, "Auth required but no token provided");
				return;
			}
			if (/[^\p{ASCII}]/u.test(token)) {
				// hmac.compare_digest raises TypeError.
				this.socket.terminate();
				return;
			}
			if (token !== this.#secret) {
				this.#refuseToken("Invalid token");
				return;
			}
		}
		this.#isAuthenticated = true;
		this.socket.send(JSON.stringify({ type: "auth_success" }));
	}

	#refuseToken(reason: string): void {
		if (this.refusesInMessage) {
			this.socket.send(JSON.stringify({ type: "auth_failure", reason }));
		} else {
			this.socket.close(1008, reason);
		}
	}

	#subscribe(message: Record<string, unknown>): void {
		if (message.type !== "filter") {
			this.socket.close(1002, "Expected 'filter' message");
			return;
		}
		const parsed = filterSchema.safeParse(message.filter);
		if (!parsed.success) {
			// The reason does not fit into a close frame, so none is sent.
			this.socket.terminate();
			return;
		}
		const nowMs = this.#world.nowMs();
		const { since, until } = parsed.data.occurred ?? {};
		const earliestMs = Math.max(nowMs - backfillMsMax, since === undefined ? 0 : Date.parse(since));
		const filter = {
			...(parsed.data as EventFilterJson),
			occurred: {
				since: new Date(earliestMs).toISOString(),
				until: until ?? new Date(nowMs).toISOString(),
			},
		};
		this.subscription = {
			token: this.#token,
			filter: message.filter,
			backfill: message.backfill !== false,
		};
		this.#filter = filter;
		if (this.subscription.backfill) {
			for (const event of this.#world.stored) {
				this.deliver(event);
			}
		}
	}
}
