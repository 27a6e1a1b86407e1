#!/usr/bin/env node
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { fileTrouble } from "@iot-esim/shared/util/errors";
import { apiClient } from "./api-client.ts";
import { CliError } from "./errors.ts";
import { runCli } from "./program.ts";

const stopping = new AbortController();
const pause = (milliseconds: number) =>
	new Promise<void>((resolve) => {
		const done = () => {
			clearTimeout(timer);
			stopping.signal.removeEventListener("abort", done);
			resolve();
		};
		const timer = setTimeout(done, milliseconds);
		stopping.signal.addEventListener("abort", done);
	});

/** The server is a program of its own; signals for this one are meant for it. */
function serve(flags: readonly string[]): Promise<number> {
	const main = fileURLToPath(new URL("../main.js", import.meta.url));
	const server = spawn(process.execPath, [main, ...flags], { stdio: "inherit" });
	for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => server.kill(signal));
	return new Promise((resolve, reject) => {
		server.once("error", reject);
		server.once("exit", (code) => resolve(code ?? 1));
	});
}

function readFile(file: string): Uint8Array {
	try {
		return new Uint8Array(readFileSync(file));
	} catch (cause) {
		throw new CliError("CLI_USAGE", `${file} cannot be read: ${fileTrouble(cause)}`, { cause });
	}
}

process.once("SIGINT", () => stopping.abort());
// A reader that has seen enough, such as `head`, is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
	version: string;
};

process.exitCode = await runCli(process.argv.slice(2), {
	client: ({ url, apiKey }) => apiClient({ url, apiKey, fetch, pause }),
	print: (text) => process.stdout.write(`${text}\n`),
	printOctets: (octets) => process.stdout.write(octets),
	columns: process.stdout.isTTY ? process.stdout.columns : undefined,
	note: (text) => process.stderr.write(`${text}\n`),
	random: systemRandom,
	readFile,
	environment: process.env,
	version,
	now: () => Date.now(),
	pause,
	signal: stopping.signal,
	serve,
});
