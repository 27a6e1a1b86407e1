import type { AppendFile, StateDisk } from "@iot-esim/sim/rsp-server/store/state-disk";

/** What a disk does wrong: called before each change with its size, it gives how many octets of it take place. */
export type WriteFault = (what: string, octets: number) => number | undefined;

/** A power cut or a full disk in the middle of a write. */
export class DiskError extends Error {
	readonly code = "ENOSPC";
}

/** Files in memory that outlive the process that writes them. */
export class SimulatedDisk implements StateDisk {
	readonly #files: Map<string, Uint8Array>;
	/** Set by whoever runs the process. */
	onWrite: WriteFault = () => undefined;

	constructor(files: ReadonlyMap<string, Uint8Array> = new Map()) {
		this.#files = new Map(files);
	}

	/** What lies on it now; contents are never changed in place. */
	get files(): ReadonlyMap<string, Uint8Array> {
		return this.#files;
	}

	makeFolder(): void {
		// Folders are beginnings of paths.
	}

	list(folder: string): string[] {
		const beginning = `${folder}/`;
		return [...this.#files.keys()]
			.filter((path) => path.startsWith(beginning) && !path.includes("/", beginning.length))
			.map((path) => path.slice(beginning.length));
	}

	read(path: string): Uint8Array | undefined {
		return this.#files.get(path);
	}

	replace(path: string, contents: Uint8Array | string): void {
		const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents.slice();
		const written = this.onWrite(`replace ${path}`, bytes.length);
		if (written === undefined || written >= bytes.length) this.#files.set(path, bytes);
		this.#failUnless(written === undefined, path);
	}

	truncate(path: string, length: number): void {
		const written = this.onWrite(`truncate ${path}`, 0);
		this.#failUnless(written === undefined, path);
		this.#files.set(path, (this.#files.get(path) ?? new Uint8Array(0)).slice(0, length));
	}

	remove(path: string): void {
		const written = this.onWrite(`remove ${path}`, 0);
		this.#failUnless(written === undefined, path);
		this.#files.delete(path);
	}

	openAppend(path: string): AppendFile {
		return {
			append: (bytes) => {
				const written = this.onWrite(`append ${path}`, bytes.length);
				const before = this.#files.get(path) ?? new Uint8Array(0);
				const added = bytes.subarray(0, written ?? bytes.length);
				const after = new Uint8Array(before.length + added.length);
				after.set(before);
				after.set(added, before.length);
				this.#files.set(path, after);
				this.#failUnless(written === undefined, path);
			},
			close: () => undefined,
		};
	}

	#failUnless(isWell: boolean, path: string): void {
		if (!isWell) throw new DiskError(`ENOSPC: no space left on device, ${path}`);
	}
}
