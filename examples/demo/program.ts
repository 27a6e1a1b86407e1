import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root, seen from the compiled demo (examples/dist/demo) as well as from its sources. */
export const root = (() => {
	const here = path.dirname(fileURLToPath(import.meta.url));
	return path.resolve(here, here.includes(`${path.sep}dist${path.sep}`) ? "../../.." : "../..");
})();

export interface ProgramOptions {
	readonly name: string;
	/** Compiled program relative to the root, as `sim/dist/smdp/main.js`. */
	readonly script: string;
	readonly args: readonly string[];
	readonly env?: Readonly<Record<string, string>>;
	/** Folder for `<name>.log`, which takes all the program prints. */
	readonly logFolder: string;
}

/** One part of the system as a process of its own, whose standard output carries JSON lines. */
export class Program {
	readonly name: string;
	readonly logFile: string;
	#child: ChildProcess;
	readonly #log: number;
	#lines: Record<string, unknown>[] = [];
	#waiting: (() => void)[] = [];
	#ended: { code: number | null; signal: NodeJS.Signals | null } | undefined;

	constructor(options: ProgramOptions) {
		this.name = options.name;
		this.logFile = path.join(options.logFolder, `${options.name}.log`);
		this.#log = openSync(this.logFile, "a");
		this.#child = spawn(process.execPath, [path.join(root, options.script), ...options.args], {
			env: { ...process.env, ...options.env },
			stdio: ["ignore", "pipe", "pipe"],
		});
		let rest = "";
		this.#child.stdout?.on("data", (chunk: Buffer) => {
			this.#note(chunk);
			const lines = (rest + chunk.toString("utf8")).split("\n");
			rest = lines.pop() ?? "";
			for (const line of lines) this.#take(line);
		});
		this.#child.stderr?.on("data", (chunk: Buffer) => this.#note(chunk));
		this.#child.on("close", (code, signal) => {
			if (rest !== "") this.#take(rest);
			this.#ended = { code, signal };
			closeSync(this.#log);
			this.#wake();
		});
	}

	get pid(): number {
		return this.#child.pid ?? 0;
	}

	get isRunning(): boolean {
		return this.#ended === undefined;
	}

	/** JSON lines printed so far. */
	get lines(): readonly Record<string, unknown>[] {
		return this.#lines;
	}

	/** The first JSON line that `pick` takes, already printed or yet to come. */
	async line<T>(what: string, pick: (line: Record<string, unknown>) => T | undefined, timeoutMs = 60_000): Promise<T> {
		const deadline = Date.now() + timeoutMs;
		for (let seen = 0; ; ) {
			for (; seen < this.#lines.length; seen++) {
				const found = pick(this.#lines[seen] as Record<string, unknown>);
				if (found !== undefined) return found;
			}
			if (this.#ended) throw new Error(`${this.name} ended before ${what}; see ${this.logFile}`);
			if (!(await this.#next(deadline - Date.now()))) {
				throw new Error(`${this.name}: ${what} did not come within ${timeoutMs / 1000} s; see ${this.logFile}`);
			}
		}
	}

	/** Waits for the end and gives the exit code. */
	async exit(timeoutMs = 60_000): Promise<number> {
		const deadline = Date.now() + timeoutMs;
		while (!this.#ended) {
			if (!(await this.#next(deadline - Date.now()))) throw new Error(`${this.name} did not end; see ${this.logFile}`);
		}
		return this.#ended.code ?? 128;
	}

	/** Ends the program: politely first, by force after ten seconds. */
	async stop(): Promise<void> {
		if (this.#ended) return;
		this.#child.kill("SIGTERM");
		try {
			await this.exit(10_000);
		} catch {
			await this.kill();
		}
	}

	/** Pulls the plug: SIGKILL, as a power cut would. */
	async kill(): Promise<void> {
		if (this.#ended) return;
		this.#child.kill("SIGKILL");
		await this.exit();
	}

	#note(chunk: Buffer): void {
		try {
			writeSync(this.#log, chunk);
		} catch {
			// With a full disk the parts still run; the log goes on when there is room.
		}
	}

	#take(line: string): void {
		if (!line.startsWith("{")) return;
		try {
			this.#lines.push(JSON.parse(line) as Record<string, unknown>);
		} catch {
			return;
		}
		this.#wake();
	}

	#wake(): void {
		for (const wake of this.#waiting.splice(0)) wake();
	}

	#next(timeoutMs: number): Promise<boolean> {
		return new Promise((resolve) => {
			if (timeoutMs <= 0) return resolve(false);
			const timer = setTimeout(() => resolve(false), timeoutMs);
			this.#waiting.push(() => {
				clearTimeout(timer);
				resolve(true);
			});
		});
	}
}

/** Waits for the end of a program and gives the JSON lines it printed. */
export async function runToEnd(program: Program): Promise<readonly Record<string, unknown>[]> {
	const code = await program.exit(120_000);
	if (code !== 0) throw new Error(`${program.name} ended with code ${code}; see ${program.logFile}`);
	return program.lines;
}
