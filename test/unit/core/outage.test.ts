import { expect, it } from "vitest";
import { Outage } from "../../../src/core/outage.ts";

it("lasts until what came after REST was back is known", () => {
	const outage = new Outage();
	expect(outage.lasts(0)).toBe(false);
	outage.goesOn(100);
	expect(outage.lasts(1_000)).toBe(true);
	outage.restIsBack(300);
	outage.restIsBack(400);
	expect(outage.lasts(299)).toBe(true);
	expect(outage.lasts(300)).toBe(false);
	expect(outage.isOpen).toBe(true);
	expect(outage.take(500)).toEqual({ fromMonoMs: 100, untilMonoMs: 300, cause: "server_outage" });
	expect(outage.take(500)).toBeNull();
	expect(outage.isOpen).toBe(false);
});
