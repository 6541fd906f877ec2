import { httpUrl } from "../../src/config/field-types.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { ApiClient } from "../../src/prefect/api-client.ts";
import { type Connection, type ConnectionSettings, cloudApiUrlDefault } from "../../src/prefect/connection.ts";
import { openConnection } from "../../src/prefect/open-connection.ts";
import { type RestOptions, RestTransport } from "../../src/prefect/rest-transport.ts";
import { ToldReporter } from "./prefect-reporter.ts";

/** @param url as an operator would write it */
export function connectionTo(url: string, more: Partial<ConnectionSettings> = {}): Connection {
	return openConnection({
		apiUrl: httpUrl().parse(url),
		apiKey: null,
		authString: null,
		uiUrl: null,
		cloudApiUrl: cloudApiUrlDefault,
		requestTimeoutMs: 5_000,
		userAgent: "zombied/test",
		customHeaders: {},
		sslCertFile: null,
		tlsInsecureSkipVerify: false,
		proxyEnvironment: {},
		...more,
	});
}

/** An ApiClient with everything around it that it reports to. */
export class ClientUnderTest implements AsyncDisposable {
	readonly told = new ToldReporter();
	readonly answers: (number | null)[] = [];
	failures = 0;
	readonly api: ApiClient;
	readonly transport: RestTransport;
	readonly signal = new AbortController().signal;

	constructor(url: string, more: Partial<RestOptions> = {}, connection: Partial<ConnectionSettings> = {}) {
		const options = {
			settings: connectionTo(url, connection),
			clock: systemClock,
			random: () => 0,
			reporter: this.told.reporter,
			restPerSecond: 1000,
			csrfClientId: "c0000000-0000-4000-8000-000000000001",
			onAnswer: ({ serverDateMs }: { serverDateMs: number | null }) => this.answers.push(serverDateMs),
			onFailure: () => {
				this.failures += 1;
			},
			...more,
		};
		this.transport = new RestTransport(options);
		this.api = new ApiClient({ transport: this.transport, clock: options.clock, reporter: options.reporter });
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.transport[Symbol.asyncDispose]();
	}
}

export async function collected<T>(source: AsyncIterable<readonly T[]>): Promise<readonly T[]> {
	const all: T[] = [];
	for await (const page of source) {
		all.push(...page);
	}
	return all;
}
