import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { TempFolder } from "./temp-folder.ts";

/** A certificate of its own making, as many servers inside a company have. */
export class SelfSigned implements AsyncDisposable {
	readonly cert: string;
	readonly key: string;
	/** The certificate in PEM form: to trust it is to trust its server. */
	readonly certFile: string;
	readonly #folder: TempFolder;

	private constructor(folder: TempFolder, cert: string, key: string) {
		this.#folder = folder;
		this.certFile = folder.file("cert.pem");
		this.cert = cert;
		this.key = key;
	}

	/** @param names as in a certificate's subjectAltName, e.g. "IP:127.0.0.1,DNS:prefect.test" */
	static async make(names: string): Promise<SelfSigned> {
		const folder = await TempFolder.make("certificate");
		const [certFile, keyFile] = [folder.file("cert.pem"), folder.file("key.pem")];
		const kind = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=zombied-test";
		await promisify(execFile)("openssl", [
			...kind.split(" "),
			"-addext",
			`subjectAltName=${names}`,
			"-out",
			certFile,
			"-keyout",
			keyFile,
		]);
		return new SelfSigned(folder, await readFile(certFile, "utf8"), await readFile(keyFile, "utf8"));
	}

	/** The same, valid until yesterday. */
	static async makeExpired(names: string): Promise<SelfSigned> {
		const made = await SelfSigned.make(names);
		const folder = made.#folder;
		const openssl = (args: readonly string[]) => promisify(execFile)("openssl", args);
		const [keyFile, request] = [folder.file("key.pem"), folder.file("request.pem")];
		await openssl(["x509", "-x509toreq", "-in", made.certFile, "-signkey", keyFile, "-out", request]);
		await openssl(["x509", "-req", "-in", request, "-signkey", keyFile, "-days", "-1", "-out", made.certFile]);
		return new SelfSigned(folder, await readFile(made.certFile, "utf8"), made.key);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#folder[Symbol.asyncDispose]();
	}
}
