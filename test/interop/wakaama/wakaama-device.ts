import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import type { IncomingRequest, OutgoingResponse } from "@iot-esim/shared/transport/http/server";
import { decodeRefusal } from "@iot-esim/shared/transport/mqtt/refusal";
import { fromHex, toHex } from "@iot-esim/shared/util/bytes";

/** The program of one transport; undefined where it has not been built. */
export function wakaamaClient(transport: "udp" | "dtls"): string | undefined {
	const folder = process.env.WAKAAMA_CLIENT;
	const program = folder && path.join(folder, transport === "udp" ? "esipa-client" : "esipa-client-dtls");
	return program !== undefined && program !== "" && existsSync(program) ? program : undefined;
}

export interface WakaamaOptions {
	readonly endpoint: string;
	readonly port: number;
	/** Seconds. */
	readonly lifetime?: number;
	readonly key?: { readonly identity: string; readonly key: Uint8Array };
}

/** A device whose LwM2M is Wakaama's, with whatever IPA the test puts behind it. */
export class WakaamaDevice {
	/** Takes what the eIM brings (BF4E) and gives the answer. */
	onPackage: (message: Uint8Array) => Promise<Uint8Array> = async () => Uint8Array.of(0xbf, 0x4e, 0);
	/** Whether it tells by numbers what belongs together. */
	hasNumbers = false;
	/** What it has printed, hex shortened. */
	readonly lines: string[] = [];
	readonly #process: ChildProcess;
	readonly #watchers = new Set<() => void>();
	readonly #answers: string[] = [];
	#number = 0xfe;

	constructor(program: string, { endpoint, port, lifetime = 300, key }: WakaamaOptions) {
		const proof = key === undefined ? [] : [key.identity, toHex(key.key)];
		this.#process = spawn(program, [endpoint, "127.0.0.1", String(port), String(lifetime), ...proof], {
			stdio: ["pipe", "pipe", "ignore"],
		});
		if (this.#process.stdout === null) throw new Error("no output");
		createInterface({ input: this.#process.stdout }).on("line", (line) => this.#take(line));
	}

	/** Resolves when a line begins so. */
	async said(beginning: string, count = 1): Promise<void> {
		await this.#until(() => this.lines.filter((line) => line.startsWith(beginning)).length >= count);
	}

	/** Sets the object's message; what the server writes in answer. */
	async exchange(message: Uint8Array, by: "message" | "send" = "message"): Promise<Uint8Array> {
		this.#number = (this.#number + 1) % 256;
		const mark = this.hasNumbers ? toHex(Uint8Array.of(1, this.#number)) : "";
		this.command(`${by} ${mark}${toHex(message)}`);
		await this.#until(() => this.#answers.some((answer) => answer.startsWith(mark)));
		const [answer = ""] = this.#answers.splice(0).filter((one) => one.startsWith(mark));
		return fromHex(answer.slice(mark.length));
	}

	command(line: string): void {
		this.#process.stdin?.write(`${line}\n`);
	}

	/** An eIM for an IPA whose HTTP ends here. */
	readonly face = async ({ body }: IncomingRequest): Promise<OutgoingResponse> => {
		const answer = await this.exchange(body);
		const refusal = decodeRefusal(answer);
		if (refusal !== undefined) return { status: refusal.status, headers: {}, body: refusal.text };
		if (answer.length === 0) return { status: 204, headers: {} };
		return { status: 200, headers: { "Content-Type": "application/x-gsma-rsp-asn1" }, body: answer };
	};

	async stop(): Promise<void> {
		if (this.#process.exitCode !== null) return;
		this.#process.kill();
		await once(this.#process, "exit");
	}

	#take(line: string): void {
		this.lines.push(line.slice(0, 40));
		const message = /^message ([0-9A-F]*)$/.exec(line)?.[1];
		const [, mark = "", brought] = /^(01..)?(BF4E.*)$/.exec(message ?? "") ?? [];
		if (brought !== undefined) {
			void this.onPackage(fromHex(brought)).then((answer) => this.command(`message ${mark}${toHex(answer)}`));
		} else if (message !== undefined) this.#answers.push(message);
		for (const watcher of this.#watchers) watcher();
	}

	async #until(holds: () => boolean): Promise<void> {
		if (holds()) return;
		await new Promise<void>((resolve) => {
			const watcher = () => {
				if (!holds()) return;
				this.#watchers.delete(watcher);
				resolve();
			};
			this.#watchers.add(watcher);
		});
	}
}
