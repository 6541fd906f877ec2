import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { ReadBuffer } from "../../../src/prefect/read-buffer.ts";

/** Both ends of a connection of which one is read into the buffer. */
async function connected(readBuffer: ReadBuffer): Promise<{ readonly far: Socket; readonly near: Socket }> {
	const server = createServer();
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	const near = connect({ host: "127.0.0.1", port: (server.address() as AddressInfo).port, onread: readBuffer.onread });
	const [far] = (await once(server, "connection")) as [Socket];
	onTestFinished(() => {
		near.destroy();
		far.destroy();
		server.close();
	});
	return { far, near };
}

/** Sends the text, and waits until it has been told. */
async function sent({ far, near }: { far: Socket; near: Socket }, text: string): Promise<Buffer> {
	const told = once(near, "data") as Promise<[Buffer]>;
	far.write(text);
	return (await told)[0];
}

test("what is read stays as it was for a listener that keeps it", async () => {
	const ends = await connected(new ReadBuffer());
	const first = await sent(ends, "first");
	const second = await sent(ends, "other");
	expect([String(first), String(second)]).toEqual(["first", "other"]);
});

test("a listener that keeps nothing gets the same bytes again", async () => {
	const readBuffer = new ReadBuffer();
	const ends = await connected(readBuffer);
	readBuffer.isBorrowed = true;
	ends.near.on("data", () => undefined);
	const first = await sent(ends, "first");
	const second = await sent(ends, "other");
	expect([first.buffer === second.buffer, String(first)]).toEqual([true, "other"]);
});

test("what has to wait is kept for it", async () => {
	const readBuffer = new ReadBuffer();
	readBuffer.isBorrowed = true;
	const { far, near } = await connected(readBuffer);
	near.push("waits");
	expect(readBuffer.push(near, Buffer.from("one"))).toBe(true);
	const told: string[] = [];
	near.on("data", (bytes: Buffer) => told.push(String(bytes)));
	far.end("the end");
	await once(near, "end");
	expect(told.join("")).toBe("waitsonethe end");
});
