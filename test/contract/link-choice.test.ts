/** A device with several links to a real eIM over real sockets, of which one after the other is cut. */

import { createPublicKey } from "node:crypto";
import { coapFaceOf } from "@iot-esim/eim/coap-parts";
import { eimConfig } from "@iot-esim/eim/config";
import { createEsipaHandler } from "@iot-esim/eim/esipa/handler";
import { chosenLinks, linkChanged } from "@iot-esim/ipa/cli/chosen-links";
import { type AgentStatus, nextStatus } from "@iot-esim/ipa/cli/status-file";
import { ipaConfig, settingsOf } from "@iot-esim/ipa/config";
import { ipaCapabilities } from "@iot-esim/ipa/procedures/download-mode";
import type { IpaEvent } from "@iot-esim/ipa/procedures/ipa-event";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { certificateToPem, privateKeyToPem } from "@iot-esim/shared/pki/pem";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { readConfig } from "@iot-esim/shared/runtime/config";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { createHttpsListener } from "@iot-esim/shared/transport/http/server";
import { Minutes } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { testPki } from "../support/esipa-bench.ts";
import { findFreePortPair } from "../support/free-port-pair.ts";
import { BOOTSTRAP, type ChainOptions, ipaSettings, TARGET, wholeChain } from "../support/whole-chain.ts";
import { closers, features } from "./dtls-bench.ts";

/** A profile that the card does not have yet. */
const OTHER = "8900101000000000034";

type Chain = Awaited<ReturnType<typeof wholeChain>>;

const { eimTls } = testPki();
const identity = { certificate: certificateToPem(eimTls.certificate), key: privateKeyToPem(eimTls.privateKey) };
const publicKey = new Uint8Array(createPublicKey(identity.certificate).export({ format: "der", type: "spki" }));

const configOf = (flags: Readonly<Record<string, string>>) =>
	readConfig(ipaConfig, { flags: Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]) });

/** The eIM over CoAP on one of the two, at this port. */
async function listenCoap({ eim }: Chain, over: "coap-port" | "coap-tcp-port", port: number) {
	const config = readConfig(eimConfig, { flags: ["--coap-host", "127.0.0.1", `--${over}`, String(port)] });
	const handler = createEsipaHandler(eim.deps);
	const parts = { handler, store: eim.store, identity, clock: systemClock, random: systemRandom };
	const face = coapFaceOf(config, { ...parts, logger: memoryLogger().logger, keys: undefined });
	if (face === undefined) throw new Error("no CoAP");
	closers.push(() => face.close());
	await face.listen();
	return { close: () => face.close() };
}

/** A card with two profiles, its IPA with three links, and the eIM's listeners of all three. */
async function start() {
	const hosts: Record<string, string> = {};
	const events: IpaEvent[] = [];
	const link: ChainOptions["link"] = (target, eid) => {
		const config = configOf({
			"eim-links": "coap,coaps+tcp,https",
			"eim-timeout": "3s",
			hosts: Object.entries(hosts)
				.map((pair) => pair.join("="))
				.join(","),
		});
		const { logger } = memoryLogger();
		const links = chosenLinks(config, { clock: systemClock, random: systemRandom, logger, fallbackCa: [] });
		return links.make({ ...target, trustedTlsKey: { publicKey } }, eid, {
			transfer: () => Promise.reject(new Error("nothing is brought here")),
			pollSoon: () => undefined,
			chosen: (choice) => events.push(linkChanged(target.eimId, choice)),
		});
	};
	const procedures = { ...ipaSettings.procedures, rollbackAfter: Minutes(2) };
	const chain = await wholeChain({ link, moreProfiles: [TARGET], ipa: { procedures } });
	closers.push(() => chain.close());
	const https = createHttpsListener(chain.eim.face, { identity });
	closers.push(() => https.close());
	const { port: httpsPort } = await https.listen({ host: "127.0.0.1", port: 0 });
	hosts["eim.example.com:443"] = `127.0.0.1:${httpsPort}`;
	// Both have the same number, since the device knows one for both.
	const port = await findFreePortPair();
	const coapTcp = await listenCoap(chain, "coap-tcp-port", port);
	const coap = await listenCoap(chain, "coap-port", port);
	hosts["eim.example.com:5684"] = `127.0.0.1:${port}`;
	return {
		chain,
		coap,
		coapTcp,
		events,
		listenAgain: () => listenCoap(chain, "coap-port", port),
		/** Enables a profile; `cut` happens when the card has switched and the result is still on the device. */
		switchTo: async (iccid: string, cut: () => Promise<unknown>) => {
			const id = await chain.eim.order(chain.eid, {
				type: "enable",
				parameters: { iccid: Iccid(iccid), rollback: true },
			});
			let cutting: Promise<unknown> | undefined;
			const stop = chain.ipa.events.on("package-executed", () => {
				cutting = cut();
			});
			await chain.round();
			stop();
			await cutting;
			return chain.eim.state(id);
		},
		shown: async () => (await chain.eim.store.loadDevice(chain.eid))?.lastLink,
	};
}

describe.skipIf(features === undefined)("a device with CoAP over DTLS and TLS, and HTTPS, to its eIM", () => {
	it("takes the cheapest that works, through profile switches in which one after the other is cut", async () => {
		const { chain, coap, coapTcp, events, listenAgain, switchTo, shown } = await start();
		await chain.round();
		expect(await shown()).toBe("coap");
		expect(await switchTo(TARGET, () => coap.close())).toBe("succeeded");
		expect(await shown()).toBe("coaps+tcp");
		expect(await switchTo(BOOTSTRAP, () => coapTcp.close())).toBe("succeeded");
		expect(await shown()).toBe("https-asn1");
		await listenAgain();
		expect(await switchTo(TARGET, async () => undefined)).toBe("succeeded");
		expect(await shown()).toBe("coap");
		expect(await chain.profiles()).toEqual({ [BOOTSTRAP]: "disabled", [TARGET]: "enabled" });
		expect(chain.events.filter((type) => type === "rollback-started" || type === "poll-failed")).toEqual([]);
		const used = events.map((event) => (event.type === "link-changed" ? event.link : undefined));
		expect(used.filter((link, index) => link !== used[index - 1])).toEqual(["coap", "coaps+tcp", "https", "coap"]);
		const status = events.reduce<AgentStatus>((before, event) => nextStatus(before, event, 0), {
			pid: 1,
			startedAt: "",
		});
		expect(Object.values(status.links ?? {})).toMatchObject([{ link: "coap" }]);
	}, 120_000);

	it("whose link goes silent in the midst of a download downloads over another one after its next poll", async () => {
		const { chain, coap, shown } = await start();
		const id = await chain.orderDownload(OTHER);
		const steps: string[] = [];
		let cutting: Promise<unknown> | undefined;
		chain.ipa.events.on("download-step", ({ step }) => {
			steps.push(step);
			// Nobody on the device can tell then whether the SM-DP+ has taken the message.
			if (step === "ESipa.AuthenticateClient") cutting ??= coap.close();
		});
		for (let round = 0; round < 4 && (await chain.eim.state(id)) !== "succeeded"; round++) await chain.ipa.pollOnce();
		await cutting;
		expect(await chain.eim.state(id)).toBe("succeeded");
		expect(await shown()).toBe("coaps+tcp");
		expect(Object.keys(await chain.profiles())).toContain(OTHER);
		expect(chain.events.filter((type) => type === "profile-installed")).toHaveLength(1);
		// Not repeated within its session, but begun anew.
		expect(steps.slice(2, 4)).toEqual(["ESipa.AuthenticateClient", "ESipa.InitiateAuthentication"]);
	}, 120_000);
});

describe("the settings of links", () => {
	const effects = { clock: systemClock, random: systemRandom, logger: memoryLogger().logger, fallbackCa: [] };
	const links = (flags: Readonly<Record<string, string>>) => chosenLinks(configOf(flags), effects).transports;
	const capabilities = (flags: Readonly<Record<string, string>>) => {
		const config = configOf(flags);
		const { procedures } = settingsOf(config, "agent", chosenLinks(config, effects).transports);
		return ipaCapabilities({ settings: procedures, rsp: undefined }).ipaSupportedProtocols;
	};

	it("order them by place or cost, and one alone is as before", () => {
		expect(links({})).toEqual(["https"]);
		expect(links({ "eim-transport": "mqtt" })).toEqual(["mqtt"]);
		expect(links({ "eim-links": "mqtt,coaps+tcp,https" })).toEqual(["mqtt", "coaps+tcp", "https"]);
		expect(links({ "eim-links": "https=5,mqtt=1.5,coaps+tcp" })).toEqual(["mqtt", "coaps+tcp", "https"]);
	});

	it.each([
		[{ "eim-links": "coap,fax" }, '"fax" is none of https, coap, coaps+tcp, mqtt'],
		[{ "eim-links": "https=cheap" }, 'the cost "cheap" of https is no number'],
		[{ "eim-links": "https,https=2" }, "https is there twice"],
		[{ "eim-links": "https,mqtt", "links-not-on-metered": "coap" }, '"coap" is none of eim.links'],
		[{ "eim-links": "https,mqtt", "links-not-on-metered": "mqtt,https" }, "no link of eim.links is left"],
	])("are refused with the reason: %j", (flags: Readonly<Record<string, string>>, reason) => {
		expect(() => links(flags)).toThrow(reason);
	});

	it("make the IpaCapabilities, in which what cannot work here is missing", () => {
		expect(capabilities({})).toBe("1");
		expect(capabilities({ "eim-links": "mqtt,https" })).toBe("10001");
		expect(capabilities({ "eim-links": "coaps+tcp" })).toBe("00001");
		const withCoap = capabilities({ "eim-links": "coap,coaps+tcp,https" });
		expect(withCoap).toBe(features === undefined ? "10001" : "11001");
	});
});
