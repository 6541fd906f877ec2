import { describe, expect, test } from "vitest";
import type { Inquiry } from "../../../src/core/input.ts";
import { ClientUnderTest } from "../../_util/prefect-client.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";

const hourMs = 3_600_000;

function inquiryAbout(runId: string, more: Partial<Inquiry> = {}): Inquiry {
	return {
		runId,
		stage: "due",
		condition: "zombie",
		isUnheard: false,
		parentTaskRunId: null,
		basis: { attempt: 1, stateId: null, aliveAtMonoMs: null },
		beatsSinceMs: Date.now() - hourMs,
		...more,
	};
}

function isoAt(agoMs: number): string {
	return new Date(Date.now() - agoMs).toISOString();
}

async function answersOf(client: ClientUnderTest, inquiries: readonly Inquiry[]) {
	const { answers } = await client.api.answer(inquiries, client.signal);
	return new Map(answers.map((answer) => [answer.inquiry.runId, answer]));
}

describe("other signs of life", () => {
	test("are the newest log line or task-run change of each run", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const [logs, works, silent] = [1, 2, 3].map(() => stub.addRun({ type: "RUNNING" }).id) as [string, string, string];
		const [older, newer] = [isoAt(90_000), isoAt(30_000)];
		stub.logs.push({ flow_run_id: logs, timestamp: newer }, { flow_run_id: logs, timestamp: older });
		stub.logs.push({ flow_run_id: works, timestamp: older });
		stub.taskRuns.push({ id: crypto.randomUUID(), flow_run_id: works, state: { timestamp: newer } });
		const answers = await answersOf(
			client,
			[logs, works, silent].map((id) => inquiryAbout(id)),
		);
		expect(answers.get(logs)?.newestSignMs).toBe(Date.parse(newer));
		expect(answers.get(works)?.newestSignMs).toBe(Date.parse(newer));
		expect(answers.get(silent)?.newestSignMs).toBeNull();
	});

	test("of a quiet run are not hidden by a chatty one that fills the page", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const [chatty, quiet] = [1, 2].map(() => stub.addRun({ type: "RUNNING" }).id) as [string, string];
		for (let n = 0; n < 250; n++) stub.logs.push({ flow_run_id: chatty, timestamp: isoAt(n * 10) });
		const only = isoAt(60_000);
		stub.logs.push({ flow_run_id: quiet, timestamp: only });
		const answers = await answersOf(
			client,
			[chatty, quiet].map((id) => inquiryAbout(id)),
		);
		expect(answers.get(quiet)?.newestSignMs).toBe(Date.parse(only));
	});

	test("are not asked for while the question is who the run is", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const { id } = stub.addRun({ type: "RUNNING" });
		await answersOf(client, [inquiryAbout(id, { stage: "identify", condition: null })]);
		expect(stub.requests.filter(({ path }) => path.includes("/logs/"))).toEqual([]);
	});

	test("are found on a server that allows few rows a page", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		stub.pageRowsMax = 3;
		const { id } = stub.addRun({ type: "RUNNING" });
		const newest = isoAt(20_000);
		stub.logs.push({ flow_run_id: id, timestamp: newest });
		expect((await answersOf(client, [inquiryAbout(id)])).get(id)?.newestSignMs).toBe(Date.parse(newest));
	});
});

describe("a subflow's parent", () => {
	test("is the flow run of the task run that its events name", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const parent = stub.addRun({ type: "RUNNING" }).id;
		const child = stub.addRun({ type: "RUNNING" }).id;
		const parentTaskRunId = crypto.randomUUID();
		stub.taskRuns.push({ id: parentTaskRunId, flow_run_id: parent, state: { timestamp: isoAt(0) } });
		const answers = await answersOf(client, [inquiryAbout(child, { parentTaskRunId }), inquiryAbout(parent)]);
		expect(answers.get(child)?.view?.labels).toMatchObject({ parentTaskRunId, parentRunId: parent });
		expect(answers.get(parent)?.view?.labels.parentRunId).toBeNull();
	});

	test("stays unknown where the server does not know the task run", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const child = stub.addRun({ type: "RUNNING" }).id;
		const answers = await answersOf(client, [inquiryAbout(child, { parentTaskRunId: crypto.randomUUID() })]);
		expect(answers.get(child)?.view?.labels.parentRunId).toBeNull();
	});
});
