import { readConfig } from "@iot-esim/shared/runtime/config";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { DtlsError } from "@iot-esim/shared/transport/native/dtls/errors";
import { hex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { SeededRandom } from "../../../test/support/seeded-random.ts";
import { ipaConfig, settingsOf } from "../config.ts";
import { ipaCapabilities } from "../procedures/download-mode.ts";
import { chosenLinks } from "./chosen-links.ts";

const requireDtls = () => {
	throw new DtlsError("DTLS_ADDON_MISSING", "DTLS is not available: nobody has built it");
};

describe("a device without DTLS", () => {
	const start = (links: string) => {
		const { logger, entries } = memoryLogger();
		const config = readConfig(ipaConfig, { flags: ["--eim-links", links] });
		const effects = { clock: new FakeClock(), random: new SeededRandom(1), logger, fallbackCa: [] };
		return { entries, config, chosen: chosenLinks(config, { ...effects, requireDtls }) };
	};

	it("leaves CoAP out with one line, promises nothing of it, and uses the other links", () => {
		const { entries, config, chosen } = start("coap,coaps+tcp,https");
		expect(entries.map(({ level, phrase }) => `${level} ${phrase}`)).toEqual([
			"warn coap is left out: DTLS is not available: nobody has built it",
		]);
		const { procedures } = settingsOf(config, "agent", chosen.transports);
		expect(ipaCapabilities({ settings: procedures, rsp: undefined }).ipaSupportedProtocols).toBe("10001");
		const target = { eimId: "e", eimFqdn: "eim.example.com", trustedTlsKey: { publicKey: hex`00` } };
		const events = { transfer: async () => hex``, pollSoon: () => undefined, chosen: () => undefined };
		expect(chosen.make(target, hex`00`, events).name).toBe("coaps+tcp://eim.example.com:5684");
	});

	it("does not take what is wrongly configured for what is missing", () => {
		const { logger } = memoryLogger();
		const config = readConfig(ipaConfig, { flags: ["--eim-links", "coap,mqtt", "--mqtt-certificate", "only-one.pem"] });
		const effects = { clock: new FakeClock(), random: new SeededRandom(1), logger, fallbackCa: [] };
		expect(() => chosenLinks(config, { ...effects, requireDtls })).toThrow("only one of them is configured");
	});
});
