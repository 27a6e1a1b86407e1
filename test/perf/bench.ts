/** What one benchmark found: `ratio` against something measured in the same run, and the bare figures behind it. */
export interface BenchReport {
	readonly name: string;
	/** How many times the reference is beaten (or matched); undefined where a benchmark only reports figures. */
	readonly ratio?: number;
	readonly target?: number;
	readonly figures: Readonly<Record<string, number | string>>;
	/** A part of a page of the docs that shows them; `--docs` writes it between its markers. */
	readonly page?: BenchPage;
}

export interface BenchPage {
	/** Relative to the root. */
	readonly file: string;
	/** Stands between `<!-- bench PART -->` and `<!-- end of bench PART -->`. */
	readonly part: string;
	readonly text: string;
}

export type Bench = () => Promise<BenchReport>;

/** Best of `rounds`, since the machine is noisy and noise only ever slows down. */
export async function bestOf<T>(rounds: number, run: () => Promise<T> | T, score: (result: T) => number): Promise<T> {
	let best = await run();
	for (let i = 1; i < rounds; i++) {
		const next = await run();
		if (score(next) > score(best)) best = next;
	}
	return best;
}

/** Rounds a figure to three significant digits. */
export function figure(value: number): number {
	return Number(value.toPrecision(3));
}
