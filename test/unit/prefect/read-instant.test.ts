import { expect, test } from "vitest";
import { ReadInstant } from "../../../src/prefect/read-instant.ts";

test("frames of one read have one instant, and those of the next another", async () => {
	let asked = 0;
	const read = new ReadInstant(() => {
		asked += 1;
		return { monoMs: asked, wallMs: 0 };
	});
	expect([read.get().monoMs, read.get().monoMs]).toEqual([1, 1]);
	await Promise.resolve();
	expect([read.get().monoMs, read.get().monoMs]).toEqual([2, 2]);
	expect(asked).toBe(2);
});
