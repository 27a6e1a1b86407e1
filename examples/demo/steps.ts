/** One line of the demo: what was done, whether it worked, how long it took. */
export interface StepReport {
	readonly name: string;
	readonly ok: boolean;
	readonly ms: number;
	/** One short fact that was seen, not assumed. */
	readonly detail?: string;
	readonly error?: string;
}

export interface Reporter {
	chapter(title: string): void;
	started(name: string): void;
	ended(step: StepReport): void;
}

/** Runs steps in order and remembers how each went; the first failure ends the run. */
export class Steps {
	readonly reports: StepReport[] = [];
	readonly #reporter: Reporter;

	constructor(reporter: Reporter) {
		this.#reporter = reporter;
	}

	chapter(title: string): void {
		this.#reporter.chapter(title);
	}

	/** `run` gives its result and, by `saw`, the fact to print. */
	async step<T>(name: string, run: (saw: (detail: string) => void) => Promise<T>): Promise<T> {
		const start = performance.now();
		let detail: string | undefined;
		this.#reporter.started(name);
		const report = (more: Partial<StepReport> & { ok: boolean }) => {
			const step = {
				name,
				ms: Math.round(performance.now() - start),
				...(detail === undefined ? {} : { detail }),
				...more,
			};
			this.reports.push(step);
			this.#reporter.ended(step);
		};
		try {
			const result = await run((seen) => {
				detail = seen;
			});
			report({ ok: true });
			return result;
		} catch (error) {
			report({ ok: false, error: error instanceof Error ? error.message : String(error) });
			throw error;
		}
	}
}

/** Lines for people: a tick, the step, what was seen, how long it took. */
export function textReporter(out: NodeJS.WriteStream): Reporter {
	const colour = out.isTTY && !process.env.NO_COLOR;
	const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
	return {
		chapter: (title) => void out.write(`\n${paint(1, title)}\n`),
		started: (name) => {
			if (out.isTTY) out.write(`  … ${name}`);
		},
		ended: (step) => {
			const mark = step.ok ? paint(32, "✓") : paint(31, "✗");
			const time = paint(2, `${String(step.ms).padStart(6)} ms`);
			const detail = step.error ?? step.detail;
			const text = `${step.name}${detail ? `: ${detail}` : ""}`;
			const lines = out.isTTY ? wrapped(text, Math.max(40, (out.columns || 80) - INDENT)) : [text];
			out.write(`${out.isTTY ? "\r\u001b[2K" : ""}  ${mark} ${time}  ${lines.join(`\n${" ".repeat(INDENT)}`)}\n`);
		},
	};
}

/** Columns before the name of a step. */
const INDENT = 15;

function wrapped(text: string, width: number): string[] {
	const lines = [""];
	for (const word of text.split(" ")) {
		const line = lines.at(-1) ?? "";
		if (line === "") lines[lines.length - 1] = word;
		else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
		else lines.push(word);
	}
	return lines;
}

export const silentReporter: Reporter = { chapter: () => {}, started: () => {}, ended: () => {} };
