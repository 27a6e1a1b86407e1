import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { root } from "./source-files.ts";

interface LockEntry {
	readonly name?: string;
	readonly version?: string;
	readonly os?: readonly string[];
	readonly cpu?: readonly string[];
	readonly libc?: readonly string[];
	readonly resolved?: string;
	readonly hasInstallScript?: boolean;
	readonly optional?: boolean;
	readonly optionalDependencies?: Readonly<Record<string, string>>;
	readonly link?: boolean;
}

const lock = JSON.parse(readFileSync(`${root}/package-lock.json`, "utf8")) as { packages: Record<string, LockEntry> };
const entries = Object.entries(lock.packages);

/** What an entry is; for a link to a folder of this repository, what is locked for that folder. */
const locked = (entry: LockEntry) => (entry.link ? lock.packages[entry.resolved ?? ""] : entry);

it("the lock file has an entry with a version for every platform's package, or npm ci refuses it", () => {
	const missing = entries.flatMap(([path, entry]) =>
		Object.keys(entry.optionalDependencies ?? {})
			.filter(
				(name) => !entries.some(([other, found]) => other.endsWith(`node_modules/${name}`) && locked(found)?.version),
			)
			.map((name) => `${path}: ${name}`),
	);
	expect(missing).toEqual([]);
});

it("no dependency of the default install has an install script", () => {
	const scripted = entries.filter(([, entry]) => entry.hasInstallScript && !entry.optional).map(([path]) => path);
	expect(scripted).toEqual([]);
});

it("packages in folders of this repository are locked as they are, with the machines that they are for", () => {
	const ofEntry = ({ name, version, os, cpu, libc, optionalDependencies }: LockEntry) => {
		return { name, version, os, cpu, libc, optionalDependencies };
	};
	const links = entries.filter(([, { link }]) => link);
	expect(links.length).toBeGreaterThan(4);
	for (const [path, link] of links) {
		const own = JSON.parse(readFileSync(`${root}/${link.resolved}/package.json`, "utf8")) as LockEntry;
		expect(path).toBe(`node_modules/${own.name}`);
		expect(ofEntry(locked(link) ?? {})).toEqual(ofEntry(own));
	}
});
