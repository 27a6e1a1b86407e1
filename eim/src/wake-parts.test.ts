import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import tls from "node:tls";
import { type Clock, systemClock } from "@iot-esim/shared/runtime/clock";
import { readConfig } from "@iot-esim/shared/runtime/config";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { Seconds } from "@iot-esim/shared/util/duration";
import { Smsc } from "@iot-esim/sim/network/smsc/smsc";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeCa } from "../../test/contract/dtls-bench.ts";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { eimConfig } from "./config.ts";
import { wakingOf } from "./wake-parts.ts";

const NAME = "smsc.example.com";
const ca = makeCa();
let folder: string;
const closing: (() => unknown)[] = [];
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "eim-wake-"));
});
afterEach(async () => {
	for (const close of closing.splice(0).reverse()) await close();
	rmSync(folder, { recursive: true, force: true });
});

async function listening(server: net.Server): Promise<number> {
	closing.push(() => server.close());
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return (server.address() as AddressInfo).port;
}

/** What wakes devices by an SMSC over TLS at a port of this machine. */
function wakingAt(port: number, clock: Clock) {
	const { logger, entries } = memoryLogger();
	const file = path.join(folder, "ca.pem");
	writeFileSync(file, ca.pem);
	const given = { "smpp-url": `smpps://${NAME}:3550`, "smpp-password": "secret", "smpp-ca": file };
	const flags = { ...given, hosts: `${NAME}=127.0.0.1:${port}` };
	const config = readConfig(eimConfig, {
		flags: Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
	});
	// Nobody is woken here.
	const unused = { store: {} as never, metrics: {} as never };
	const waking = wakingOf(config, { ...unused, clock, random: systemRandom, logger });
	closing.push(() => waking.stop());
	waking.start();
	return { entries };
}

it("a webhook's URL without its secret, or without TLS, is warned of at the start", () => {
	const { logger, entries } = memoryLogger();
	const made = (...flags: string[]) => {
		const config = readConfig(eimConfig, { flags });
		const unused = { store: {} as never, metrics: {} as never };
		const waking = wakingOf(config, { ...unused, clock: systemClock, random: systemRandom, logger });
		closing.push(() => waking.stop());
	};
	const url = ["--wake-webhook-url", "http://platform.example.com/wake"];
	made(...url);
	made(...url, "--wake-webhook-secret", `whsec_${Buffer.alloc(32, 1).toString("base64")}`);
	expect(entries).toMatchObject([
		{ level: "warn", phrase: expect.stringContaining("wake.webhook.url needs wake.webhook.secret") },
		{ level: "warn", phrase: expect.stringContaining("has no TLS") },
	]);
});

describe("an SMSC over TLS", () => {
	it("is bound to under its own name, and not under another one", async () => {
		const { logger } = memoryLogger();
		const log = logger("sim.smsc");
		const smsc = new Smsc({ clock: systemClock, log, accounts: { eim: "secret" }, subscriber: () => undefined });
		closing.push(() => smsc.stop());
		for (const [name, expected] of [
			[NAME, "bound to the SMSC"],
			["another.example.com", "no binding to the SMSC"],
		] as const) {
			const { certificate, key } = ca.issue(name);
			const server = tls.createServer({ cert: certificate, key }, (socket) => smsc.accept(socket));
			server.on("tlsClientError", () => undefined);
			const { entries } = wakingAt(await listening(server), systemClock);
			await expect.poll(() => entries.map(({ phrase }) => phrase)).toEqual([expected]);
		}
	});

	it("that takes connections and says nothing is given up after 10 s, and connected to again", async () => {
		const clock = new FakeClock();
		let [taken, ended] = [0, 0];
		const port = await listening(
			net.createServer((socket) => {
				taken++;
				socket.on("error", () => undefined).on("close", () => ended++);
				socket.resume();
			}),
		);
		const { entries } = wakingAt(port, clock);
		await expect.poll(() => taken).toBe(1);
		await clock.advance(Seconds(10));
		await expect.poll(() => ended).toBe(1);
		expect(entries).toMatchObject([{ phrase: "no binding to the SMSC", facts: { failures: 1 } }]);
		await clock.advance(Seconds(1));
		await expect.poll(() => taken).toBe(2);
	});
});
