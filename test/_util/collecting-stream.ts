import { Writable } from "node:stream";

/** A stream that keeps what is written to it; a terminal when told so. */
export class CollectingStream extends Writable {
	readonly isTTY: boolean;
	text = "";

	constructor(isTTY = false) {
		super({ decodeStrings: false });
		this.isTTY = isTTY;
	}

	/** Complete lines so far, without their line breaks. */
	get lines(): readonly string[] {
		return this.text.split("\n").slice(0, -1);
	}

	override _write(chunk: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
		this.text += chunk.toString();
		done();
	}
}
