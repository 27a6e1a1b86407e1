import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll } from "vitest";

/** Files of a test file, in a folder of their own that goes with it: gives what writes one and says its path. */
export function temporaryFiles(name: string, extension: string): (contents: string) => string {
	const folder = mkdtempSync(path.join(tmpdir(), `${name}-`));
	afterAll(() => rmSync(folder, { recursive: true, force: true }));
	let files = 0;
	return (contents) => {
		const whole = path.join(folder, `${files++}.${extension}`);
		writeFileSync(whole, contents);
		return whole;
	};
}
