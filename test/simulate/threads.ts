import { Worker } from "node:worker_threads";
import type { SeedOutcome, SeedTask } from "./worker.ts";

export interface Threads {
	readonly seeds: number;
	/** The first. */
	readonly seed: number;
	readonly workers: number;
	/** The compiled `worker.ts`: threads do not read TypeScript. */
	readonly program: URL;
	readonly onOutcome: (outcome: SeedOutcome) => void;
}

/**
 * Runs the seeds in threads, each seed within one.
 * @throws Error when a thread ends before its seeds do
 */
export async function runInThreads({ seeds, seed, workers, program, onOutcome }: Threads): Promise<void> {
	const runOne = (number: number) =>
		new Promise<void>((resolve, reject) => {
			const task: SeedTask = { first: seed + number, step: workers, end: seed + seeds };
			const worker = new Worker(program, { workerData: task });
			worker.on("message", onOutcome);
			worker.on("error", reject);
			worker.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with code ${code}`))));
		});
	await Promise.all(Array.from({ length: workers }, (_, number) => runOne(number)));
}
