import { mkdir, open, readFile, rename } from "node:fs/promises";
import path from "node:path";
import { NetworkError } from "./errors.ts";

/** The last sequence number used for each subscriber (SEQ ‖ IND as a number of 48 bits), by IMSI. */
export interface SequenceStore {
	load(imsi: string): number | undefined;
	/** Resolves when the number is durable; only then may a vector with it leave the HSS. */
	save(imsi: string, sqn: number): Promise<void>;
}

/** Forgets everything when the process ends; cards then bring the HSS up to date by AUTS. */
export function memorySequenceStore(): SequenceStore {
	const numbers = new Map<string, number>();
	return {
		load: (imsi) => numbers.get(imsi),
		save: async (imsi, sqn) => {
			numbers.set(imsi, sqn);
		},
	};
}

/**
 * Keeps the numbers in a JSON file that is replaced as a whole, so that a kill at any moment leaves the old or the new.
 * @throws NetworkError NETWORK_HSS_STATE
 */
export async function openSequenceFile(file: string): Promise<SequenceStore> {
	const numbers = await readNumbers(file);
	let writing: Promise<void> = Promise.resolve();
	return {
		load: (imsi) => numbers.get(imsi),
		save: (imsi, sqn) => {
			numbers.set(imsi, sqn);
			const written = writing.then(() =>
				replaceFile(file, `${JSON.stringify(Object.fromEntries(numbers), null, "\t")}\n`),
			);
			writing = written.catch(() => undefined);
			return written;
		},
	};
}

async function readNumbers(file: string): Promise<Map<string, number>> {
	let text: string;
	try {
		text = await readFile(file, "utf8");
	} catch (cause) {
		if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return new Map();
		throw new NetworkError("NETWORK_HSS_STATE", `${file} cannot be read`, { cause });
	}
	try {
		const entries = Object.entries(JSON.parse(text) as Record<string, unknown>);
		for (const [imsi, sqn] of entries) {
			if (!/^\d{6,15}$/.test(imsi) || !Number.isSafeInteger(sqn)) throw new Error(`${imsi} has no sequence number`);
		}
		return new Map(entries as [string, number][]);
	} catch (cause) {
		throw new NetworkError("NETWORK_HSS_STATE", `${file} is not a list of sequence numbers`, { cause });
	}
}

async function replaceFile(file: string, text: string): Promise<void> {
	const draft = `${file}.new`;
	try {
		await mkdir(path.dirname(file), { recursive: true });
		const handle = await open(draft, "w");
		try {
			await handle.writeFile(text);
			await handle.sync();
		} finally {
			await handle.close();
		}
		await rename(draft, file);
	} catch (cause) {
		throw new NetworkError("NETWORK_HSS_STATE", `${file} cannot be written`, { cause });
	}
}
