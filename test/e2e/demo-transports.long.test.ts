import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { dtlsAvailable } from "@iot-esim/shared/transport/native/dtls/dtls-available";
import { describe, expect, it } from "vitest";
import { root } from "../architecture/source-files.ts";
import { requireExternal } from "../support/externals.ts";

const demo = path.join(root, "dist/examples/demo/main.js");
const hasDtls = await requireExternal("the DTLS addon (a C++ compiler)", () =>
	dtlsAvailable().available ? true : undefined,
);

interface Report {
	readonly ok: boolean;
	readonly steps: readonly { readonly name: string; readonly ok: boolean; readonly detail?: string }[];
}

/** The main job of the demo on one transport: all of its steps pass, and the eIM has seen the device over that link. */
async function expectMainJob(transport: string, curve: string): Promise<void> {
	const words = [demo, "--json", "--transport", transport, "--curve", curve];
	const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: root });
	const { ok, steps } = JSON.parse(stdout) as Report;
	expect([ok, steps.filter((step) => step.ok).length]).toEqual([true, 21]);
	const polled = steps.find(({ name }) => name === "start the IPA; it polls the eIM through the modem");
	expect(polled?.detail).toMatch(new RegExp(`, over ${transport.replaceAll("+", "\\+")}$`));
}

describe("the main job runs end to end", { timeout: 300_000 }, () => {
	it.each([
		["mqtt", "P-256"],
		["mqtt", "brainpool"],
		["coaps+tcp", "brainpool"],
	] as const)("over %s, on %s", (transport, curve) => expectMainJob(transport, curve));

	it.skipIf(!hasDtls)("over coap, on P-256", () => expectMainJob("coap", "P-256"));
});
