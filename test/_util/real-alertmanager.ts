import { writeFileSync } from "node:fs";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { bareEnvironment, ProcessGroup } from "./process-group.ts";
import { TempFolder } from "./temp-folder.ts";

/** Of Debian's package prometheus-alertmanager, which .ci/install-debian-packages.sh installs. */
export const alertmanagerBinary = "/usr/bin/prometheus-alertmanager";

/** As `GET /api/v2/alerts/groups` gives them. */
export interface AlertGroup {
	readonly labels: Readonly<Record<string, string>>;
	readonly alerts: readonly ActiveAlert[];
}

export interface ActiveAlert {
	readonly labels: Readonly<Record<string, string>>;
	readonly annotations: Readonly<Record<string, string>>;
	readonly startsAt: string;
	readonly endsAt: string;
	readonly generatorURL: string;
	readonly status: { readonly state: string };
}

/** Groups by work pool at once, and tells the webhook of what is resolved too. */
function configOf(webhookUrl: string): string {
	return `route:
  receiver: hook
  group_by: [work_pool]
  group_wait: 0s
  group_interval: 1s
receivers:
  - name: hook
    webhook_configs:
      - url: ${webhookUrl}
        send_resolved: true
`;
}

export class RealAlertmanager implements AsyncDisposable {
	readonly url: string;
	readonly #process: ProcessGroup;
	readonly #folder: TempFolder;

	private constructor(url: string, process: ProcessGroup, folder: TempFolder) {
		this.url = url;
		this.#process = process;
		this.#folder = folder;
	}

	static async start(webhookUrl: string): Promise<RealAlertmanager> {
		const folder = await TempFolder.make("alertmanager");
		writeFileSync(folder.file("alertmanager.yml"), configOf(webhookUrl));
		const address = `127.0.0.1:${await freePort()}`;
		const group = new ProcessGroup({
			command: alertmanagerBinary,
			args: [
				`--config.file=${folder.file("alertmanager.yml")}`,
				`--storage.path=${folder.file("data")}`,
				`--web.listen-address=${address}`,
				"--cluster.listen-address=",
			],
			cwd: folder.path,
			env: bareEnvironment({ HOME: folder.path }),
			logFile: folder.file("alertmanager.log"),
		});
		const made = new RealAlertmanager(`http://${address}`, group, folder);
		const isReady = async (): Promise<boolean> => {
			if (group.ending !== null) throw new Error(`alertmanager has ended:\n${group.tail}`);
			return (await fetch(`${made.url}/-/ready`).catch(() => null))?.ok === true;
		};
		await eventually(isReady, { what: "alertmanager to be ready", timeoutMs: 60_000 });
		return made;
	}

	async groups(): Promise<readonly AlertGroup[]> {
		return (await (await fetch(`${this.url}/api/v2/alerts/groups`)).json()) as readonly AlertGroup[];
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#process.kill();
		await this.#folder[Symbol.asyncDispose]();
	}
}
