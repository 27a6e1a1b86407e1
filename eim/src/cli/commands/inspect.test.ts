import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { hex } from "@iot-esim/shared/util/bytes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CliContext } from "../command-context.ts";
import { CliError } from "../errors.ts";
import { runCli } from "../program.ts";

const unused = () => {
	throw new Error("inspect needs no server");
};

/** As the program reads files. */
function readFile(file: string): Uint8Array {
	try {
		return new Uint8Array(readFileSync(file));
	} catch (cause) {
		throw new CliError("CLI_USAGE", `${file} cannot be read`, { cause });
	}
}

async function run(
	commandLine: readonly string[],
	terminal: Pick<CliContext, "columns"> & Partial<Pick<CliContext, "environment">> = {},
) {
	const printed: string[] = [];
	const noted: string[] = [];
	const code = await runCli(["inspect", ...commandLine], {
		...{ client: unused, printOctets: unused, pause: unused, serve: unused },
		print: (text) => void printed.push(text),
		note: (text) => void noted.push(text),
		...{ random: systemRandom, environment: {}, now: () => 0, signal: new AbortController().signal },
		readFile,
		...terminal,
	});
	return { code, printed: printed.join(""), noted: noted.join("") };
}

let folder: string;
beforeAll(() => {
	folder = mkdtempSync(path.join(tmpdir(), "eim-inspect-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("eim inspect", () => {
	it("takes hex, base64, a binary file and a file of text", async () => {
		const binary = path.join(folder, "request.der");
		const base64 = path.join(folder, "request.txt");
		writeFileSync(binary, hex`BF3E035C015A`);
		writeFileSync(base64, "vz4DXAFa\n");
		for (const given of ["BF3E035C015A", "bf 3e 03 5c 01 5a", binary, base64]) {
			const { code, printed } = await run([given]);
			expect(code).toBe(0);
			expect(printed).toBe("GetEuiccDataRequest  BF3E\n└ tagList: 5A        5C   5A");
		}
	});

	it("gives the tree as data, masked until secrets are asked for", async () => {
		const verifyPin = "0020000A0831323334FFFFFFFF";
		const masked = JSON.parse((await run([verifyPin, "--json"])).printed);
		expect(masked).toMatchObject({ kind: "command APDU", errors: [] });
		expect(masked.nodes[0].children.at(-1)).toMatchObject({ name: "data", offset: 5, length: 8, isMasked: true });
		expect(JSON.stringify(masked)).not.toContain("31323334");
		expect((await run([verifyPin, "--json", "--secrets"])).printed).toContain("31323334FFFFFFFF");
	});

	it("keeps to the width of the terminal, and colours only there and only when allowed", async () => {
		const long = `BF2F388001018102068000${"00".repeat(3)}0C2A${"61".repeat(42)}`;
		const { printed } = await run([long], { columns: 60 });
		expect(printed).toContain("\u001b[");
		// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape is what is looked for
		for (const line of printed.replace(/\u001b\[[0-9;]*m/g, "").split("\n"))
			expect(line.length).toBeLessThanOrEqual(60);
		for (const environment of [{ NO_COLOR: "1" }, { TERM: "dumb" }]) {
			expect((await run([long], { columns: 60, environment })).printed).not.toContain("\u001b");
		}
		expect((await run([long])).printed).not.toContain("\u001b");
	});

	it("says what is wrong with the command line", async () => {
		const absent = await run([path.join(folder, "absent.der")]);
		expect(absent).toMatchObject({ code: 2, noted: expect.stringContaining("there is no file") });
		const type = await run(["BF2000", "--as", "EuiccInfo"]);
		expect(type).toMatchObject({
			code: 2,
			noted: expect.stringMatching(/no type EuiccInfo; similar are .*EUICCInfo2/),
		});
		expect(await run([folder])).toMatchObject({ code: 2, noted: expect.stringContaining("cannot be read") });
	});
});
