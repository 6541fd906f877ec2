import { z } from "zod";
import type { PageSize } from "./page-size.ts";
import type { Transport } from "./transport.ts";

/** Null: the server has no such pool, or does not let us see it. */
const workersSchema = z.array(z.unknown()).nullable();
const offlineSchema = z.object({ status: z.literal("OFFLINE") });

/**
 * True when the pool has workers and all of them are OFFLINE: silent over REST for three of their heartbeats. The page is
 * enough however many there are, since the workers heard last come first.
 *
 * @throws ApiError
 */
export async function areWorkersOffline(
	{ transport, rowsPage }: { readonly transport: Transport; readonly rowsPage: PageSize },
	workPool: string,
	signal: AbortSignal,
): Promise<boolean> {
	const path = `/work_pools/${encodeURIComponent(workPool)}/workers/filter`;
	const workers = await rowsPage.adapt(async (limit) => {
		const asked = { path, body: { limit }, rows: limit, noneOn: [403, 404] };
		const call = { endpoint: "workers", method: "POST", ...asked, schema: workersSchema, retries: true } as const;
		return (await transport.call(call, signal)).value ?? [];
	});
	return workers.length > 0 && workers.every((worker) => offlineSchema.safeParse(worker).success);
}
