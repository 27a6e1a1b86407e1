import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { root } from "./source-files.ts";

interface LockEntry {
	readonly version?: string;
	readonly resolved?: string;
	readonly hasInstallScript?: boolean;
	readonly optional?: boolean;
	readonly optionalDependencies?: Readonly<Record<string, string>>;
	readonly link?: boolean;
}

const lock = JSON.parse(readFileSync(`${root}/package-lock.json`, "utf8")) as { packages: Record<string, LockEntry> };
const entries = Object.entries(lock.packages);

it("the lock file has an entry with a version for every platform's package, or npm ci refuses it", () => {
	const missing = entries.flatMap(([path, entry]) =>
		Object.keys(entry.optionalDependencies ?? {})
			.filter((name) => !entries.some(([other, found]) => other.endsWith(`node_modules/${name}`) && found.version))
			.map((name) => `${path}: ${name}`),
	);
	expect(missing).toEqual([]);
});

it("no dependency of the default install has an install script", () => {
	const scripted = entries.filter(([, entry]) => entry.hasInstallScript && !entry.optional).map(([path]) => path);
	expect(scripted).toEqual([]);
});
