import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { DatagramPath } from "@iot-esim/shared/transport/datagram";
import { Seconds } from "@iot-esim/shared/util/duration";
import { closers } from "../contract/dtls-bench.ts";
import { requireExternal } from "../support/externals.ts";
import { findProgram } from "../support/find-program.ts";
import { findFreePortPair } from "../support/free-port-pair.ts";

const PROGRAMS = [
	"openssl",
	"coap-client-openssl",
	"coap-client-gnutls",
	"coap-server-openssl",
	"coap-server-gnutls",
] as const;
type Program = (typeof PROGRAMS)[number];

/** Undefined, said aloud, where one of them is not installed. */
export const programs = await requireExternal("DTLS programs (apt-get install openssl libcoap3-bin)", () => {
	const found = Object.fromEntries(PROGRAMS.map((name) => [name, findProgram(name)]));
	return PROGRAMS.every((name) => found[name] !== undefined) ? (found as Record<Program, string>) : undefined;
});

/** Files in a folder of their own, which is gone after the test. */
export function writeFiles<const Name extends string>(contents: Record<Name, string>): Record<Name, string> {
	const folder = mkdtempSync(path.join(tmpdir(), "iot-esim-dtls-"));
	closers.push(() => rmSync(folder, { recursive: true }));
	const places = Object.entries<string>(contents).map(([name, text]) => {
		const place = path.join(folder, name);
		writeFileSync(place, text);
		return [name, place];
	});
	return Object.fromEntries(places);
}

export interface Running {
	readonly child: ChildProcess;
	/** Both outputs so far. */
	readonly output: () => string;
	/** Resolves when the output matches; rejects with the output when the program ends before, or says nothing like it for 20 s. */
	until(pattern: RegExp): Promise<void>;
	/** The output when it has ended. */
	readonly ended: Promise<string>;
}

/** Starts a program that ends with the test at the latest. */
export function run(program: Program, parameters: readonly string[]): Running {
	// Line by line, so that a test sees what a program has said while it still runs.
	const child = spawn("stdbuf", ["-oL", "-eL", programs?.[program] ?? program, ...parameters]);
	let text = "";
	const waiting = new Set<() => void>();
	let isOver = false;
	const note = (chunk: Buffer) => {
		text += chunk.toString("latin1");
		for (const look of [...waiting]) look();
	};
	child.stdout.on("data", note);
	child.stderr.on("data", note);
	child.stdin.on("error", () => undefined);
	const ended = new Promise<string>((resolve) => {
		child.on("close", () => {
			isOver = true;
			for (const look of [...waiting]) look();
			resolve(text);
		});
	});
	closers.push(async () => {
		child.kill("SIGKILL");
		await ended;
	});
	const until = (pattern: RegExp) =>
		new Promise<void>((resolve, reject) => {
			const settle = (how: () => void) => {
				clearTimeout(timer);
				waiting.delete(look);
				how();
			};
			const look = () => {
				if (pattern.test(text)) settle(resolve);
				else if (isOver) settle(() => reject(new Error(`${program} ended without ${pattern}: ${text}`)));
			};
			const late = () => settle(() => reject(new Error(`${program} did not say ${pattern} in 20 s: ${text}`)));
			const timer = setTimeout(late, Seconds(20));
			waiting.add(look);
			look();
		});
	return { child, output: () => text, until, ended };
}

/**
 * libcoap's server on a free port of 127.0.0.1, ready: UDP and TCP on `port`, DTLS and TLS on the one above.
 * A port that somebody took since it was found makes it try another.
 */
export async function runCoapServer(
	library: "openssl" | "gnutls",
	parameters: readonly string[],
): Promise<Running & { readonly port: number }> {
	for (let tries = 1; ; tries++) {
		const port = await findFreePortPair();
		const running = run(`coap-server-${library}`, ["-v", "7", "-A", "127.0.0.1", "-p", `${port}`, ...parameters]);
		// Its last socket is that of TLS.
		await running.until(/created TLS +endpoint|cannot create|Address already in use/);
		if (/created TLS +endpoint/.test(running.output())) return { ...running, port };
		if (tries === 5) throw new Error(`coap-server-${library} finds no free port: ${running.output()}`);
		running.child.kill("SIGKILL");
		await running.ended;
	}
}

/** Answers every CoAP request with a piggybacked 2.05 and a text: enough to see that a session carries data. */
export function answerCoap(dtlsPath: DatagramPath, text: string): void {
	dtlsPath.receive({
		datagram: (request) => {
			const [first = 0, code = 0] = request;
			const isRequest = code > 0 && code < 32;
			if (!isRequest) return;
			const token = request.subarray(4, 4 + (first & 0x0f));
			const isConfirmable = ((first >> 4) & 3) === 0;
			const head = [0x40 | (isConfirmable ? 0x20 : 0x10) | token.length, 0x45, request[2] ?? 0, request[3] ?? 0];
			dtlsPath.send(Uint8Array.from([...head, ...token, 0xff, ...Buffer.from(text)]));
		},
		closed: () => undefined,
	});
}

/** A confirmable GET of /.well-known/core. */
export const COAP_GET = Uint8Array.from([
	0x41,
	0x01,
	0x12,
	0x34,
	0x77,
	0xbb,
	...Buffer.from(".well-known"),
	0x04,
	...Buffer.from("core"),
]);
