import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ipaProgram } from "@iot-esim/ipa/cli/program";
import type { Curve } from "@iot-esim/shared/crypto/curve";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { issueCrl } from "@iot-esim/shared/pki/crl";
import { decodePem, encodePem } from "@iot-esim/shared/pki/pem";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { silentLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { printHostPort } from "@iot-esim/shared/transport/tcp";
import { listenForVpcdReaders } from "@iot-esim/shared/transport/vpcd";
import { Card } from "@iot-esim/sim/euicc/card";
import { createCard, personalisationOf } from "@iot-esim/sim/euicc/create-card";
import { profileFileSystems } from "@iot-esim/sim/euicc/file-system/profile-file-systems";
import { MemoryDisk } from "@iot-esim/sim/euicc/nvm/disk";
import { Nvm } from "@iot-esim/sim/euicc/nvm/nvm";
import { afterEach, describe, expect, it } from "vitest";
import { shows } from "../conformance/claim.ts";
import { observedCard } from "../conformance/observation.ts";
import { testPki } from "../support/esipa-bench.ts";
import { CURVES } from "../support/esipa-face-client.ts";
import { BOOTSTRAP_ICCID, profile } from "./ipa-rooms-bench.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
	for (const close of closers.splice(0).reverse()) await close();
});

/** A simulated eUICC behind a port, and the program that works with it. */
async function start(curve: Curve = "P-256", ecallIndication = false, supportsIpae = false) {
	const folder = mkdtempSync(path.join(tmpdir(), "ipa-card-"));
	closers.push(() => rmSync(folder, { recursive: true, force: true }));
	const disk = new MemoryDisk();
	const fileSystems = profileFileSystems();
	const personalisation = personalisationOf([testPki(curve)], { supportsEmergencyProfile: true, supportsIpae });
	const bootstrap = { unprotectedProfilePackage: profile(BOOTSTRAP_ICCID).package, isEnabled: true, ecallIndication };
	createCard(new Nvm(disk), personalisation, fileSystems, [bootstrap]);
	const card = observedCard(new Card({ nvm: new Nvm(disk), fileSystems, onError: () => undefined }));
	const listener = await listenForVpcdReaders({ host: "127.0.0.1", port: 0 }, () => ({
		powerOn: () => card.powerOn(),
		powerOff: () => card.powerOff(),
		reset: () => card.reset(),
		atr: () => card.atr(),
		transmit: (apdu) => card.transmit(apdu),
	}));
	closers.push(() => listener.close());
	const file = path.join(folder, "ipa.yaml");
	const address = `vpcd://${printHostPort(listener.address)}`;
	writeFileSync(
		file,
		`card:\n  address: ${address}\n  proactive: agent\n  refreshDelay: 1ms\nstate:\n  folder: ${folder}/state\n`,
	);
	return async (...argv: string[]) => {
		const lines: string[] = [];
		const program = ipaProgram({
			clock: systemClock,
			random: systemRandom,
			environment: {},
			logger: () => silentLogger,
			processes: { ownPid: 4711, identityOf: () => "now" },
			signal: new AbortController().signal,
			printLine: (line) => lines.push(line),
			readFile: (name) => new Uint8Array(readFileSync(name)),
		});
		await program.parseAsync(["node", "ipa", "card", ...argv, "--config", file]);
		return lines.join("\n");
	};
}

describe.each(CURVES)("`ipa card` on a simulated eUICC, on %s", (curve) => {
	const card10 = "ES10a, ES10b, ES10c";

	it("sets, shows and clears the default SM-DP+", async (context) => {
		const card = await start(curve);
		expect(await card("default-smdp")).toContain("no default SM-DP+");
		await card("default-smdp", "smdp.example.org");
		expect(await card("default-smdp")).toBe("smdp.example.org");
		await card("default-smdp", "--clear");
		expect(await card("default-smdp")).toContain("no default SM-DP+");
		shows(context, { interface: card10, functions: ["SetDefaultDpAddress", "GetEuiccConfiguredAddresses"], curve });
	});

	it("shows certificates as PEM, connectivity parameters and waiting notifications", async (context) => {
		const card = await start(curve);
		const [eum, euicc] = decodePem("CERTIFICATE", await card("certificates")).map(parseCertificate);
		expect(euicc?.issuerDer).toEqual(eum?.subjectDer);
		await expect(card("certificates", "--ci", "0011")).rejects.toThrow("none under this CI");
		expect(await card("connectivity")).toContain("no connectivity parameters");
		expect(await card("notifications")).toBe("No notification waits on the card.");
		shows(context, {
			interface: card10,
			functions: ["GetCerts", "GetConnectivityParameters", "ListNotification"],
			curve,
		});
	});

	it("loads a list of revoked certificates from PEM, and says why the card refuses one", async (context) => {
		const card = await start(curve);
		const { ci } = testPki(curve);
		const list = (crlNumber: number, privateKey = ci.privateKey) => {
			const folder = mkdtempSync(path.join(tmpdir(), "ipa-crl-"));
			closers.push(() => rmSync(folder, { recursive: true, force: true }));
			const [thisUpdate, nextUpdate] = [Date.UTC(2026, 0, 1), Date.UTC(2027, 0, 1)];
			const issuer = parseCertificate(ci.certificate);
			const der = issueCrl({ issuer, privateKey, thisUpdate, nextUpdate, crlNumber, revoked: [] });
			writeFileSync(path.join(folder, "ci.crl"), encodePem("X509 CRL", der));
			return path.join(folder, "ci.crl");
		};
		expect(await card("load-crl", list(2))).toBe("The card has the list.");
		await expect(card("load-crl", list(1))).rejects.toThrow("a fresher one is loaded already");
		await expect(card("load-crl", list(3, generateKeyPair(curve).privateKey))).rejects.toThrow("signature");
		shows(context, { interface: card10, functions: ["LoadCRL"], curve });
	});

	it("resets only with --yes, and says what it would delete", async (context) => {
		const card = await start(curve);
		await expect(card("reset")).rejects.toThrow("say what to reset");
		await expect(card("reset", "--operational", "--eims")).rejects.toThrow(
			/operationalProfiles, eimConfiguration.*--yes/,
		);
		expect(await card("profiles")).toContain(BOOTSTRAP_ICCID);
		expect(await card("reset", "--operational", "--eims", "--yes")).toContain("eIMs: there was nothing");
		expect(await card("profiles")).toBe("No profile on the card.");
		await expect(card("reset", "--operational", "--yes")).rejects.toThrow("there was nothing of that on the card");
		shows(context, { interface: card10, functions: ["eUICCMemoryReset"], curve });
	});

	it("says in words what the card refuses", async (context) => {
		const card = await start(curve);
		await expect(card("fallback")).rejects.toThrow("no profile on the card has the fallback attribute");
		await expect(card("return")).rejects.toThrow("no profile on the card has the fallback attribute");
		await expect(card("emergency", "on")).rejects.toThrow("the card has no emergency profile");
		await expect(card("emergency", "off")).rejects.toThrow("the emergency profile is not enabled");
		await expect(card("emergency", "maybe")).rejects.toThrow("neither on nor off");
		await expect(card("activate-ipae")).rejects.toThrow("no IPA of its own");
		expect(await card("immediate-enable", "on")).toBe("Immediate enabling is configured.");
		shows(context, { interface: card10, functions: ["ConfigureImmediateProfileEnabling"], curve });
	});

	it("switches the card's own IPA on", async (context) => {
		const card = await start(curve, false, true);
		expect(await card("activate-ipae")).toBe("The card's own IPA is active.");
		shows(context, { interface: card10, functions: ["IpaeActivation"], curve });
	});

	it("says that the emergency profile is enabled already", async () => {
		const card = await start(curve, true);
		await expect(card("emergency", "on")).rejects.toThrow("that profile is enabled already");
	});
});
