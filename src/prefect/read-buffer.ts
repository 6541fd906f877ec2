import type { OnReadOpts, Socket } from "node:net";

/** As much as the kernel hands over in one go to a socket that is full. */
const readBytesMax = 64 * 1024;

/**
 * A socket's bytes are read into one buffer again and again: it stays in the processor's cache, whereas memory that is new
 * with each read drives the run table out of it. Whoever listens has to be done with the bytes when it returns, and says
 * so (`isBorrowed`); until then, and while they have to wait, they are copied.
 */
export class ReadBuffer {
	/** The listener of `data` keeps none of the bytes that it gets. */
	isBorrowed = false;
	/** For `connect`. */
	readonly onread: OnReadOpts;

	constructor() {
		const buffer = Buffer.allocUnsafeSlow(readBytesMax);
		const push = this.push.bind(this);
		this.onread = {
			buffer,
			// `this` is the socket.
			callback(this: Socket, bytesRead: number): boolean {
				return push(this, buffer.subarray(0, bytesRead));
			},
		};
	}

	/** @returns false when the socket is to be read no further for now */
	push(socket: Socket, bytes: Buffer): boolean {
		const isHandedOver = this.isBorrowed && socket.readableFlowing === true && socket.readableLength === 0;
		return socket.push(isHandedOver ? bytes : Buffer.from(bytes));
	}
}
