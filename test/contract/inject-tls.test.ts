/** TransferEimPackage over real TLS: the client of the eIM, the listener of the IPA, and who is heard. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createHttpInjector } from "@iot-esim/eim/bindings/inject";
import { openInjectListener } from "@iot-esim/ipa/cli/inject-listener";
import { ipaConfig } from "@iot-esim/ipa/config";
import type { EsipaTarget } from "@iot-esim/ipa/esipa/http-link";
import { ProcedureError } from "@iot-esim/ipa/procedures/errors";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { readConfig } from "@iot-esim/shared/runtime/config";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { createHttpClient } from "@iot-esim/shared/transport/http/client";
import { hex } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import type { Credential } from "@iot-esim/sim/pki/test-pki";
import { afterAll, describe, expect, it } from "vitest";
import { closers, identity, pem, pkis, spki } from "./http-bench.ts";

const MESSAGE = hex`BF4E06 BF5303 800105`;
const RECEIVED = hex`BF4E 02 0500`;
const NAME = "device.example.com";
const folder = mkdtempSync(path.join(tmpdir(), "inject-tls-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A listener with the key of the SM-DP+ of a PKI, before an IPA whose card knows one eIM. */
async function listenerFor(curve: keyof typeof pkis, eim: EsipaTarget, fallbackCa: readonly string[] = []) {
	const { certificate, key } = identity(pkis[curve].dpTls);
	const files = { certificate: path.join(folder, `${curve}.pem`), key: path.join(folder, `${curve}.key`) };
	writeFileSync(files.certificate, certificate);
	writeFileSync(files.key, key);
	const flags = ["--inject-listen", "127.0.0.1:0"];
	flags.push("--inject-certificate", files.certificate, "--inject-key", files.key);
	const config = readConfig(ipaConfig, { flags });
	const ipa = {
		transferEimPackage: async (_message: Uint8Array, isFrom: (target: EsipaTarget) => boolean) => {
			if (!isFrom(eim)) throw new ProcedureError("IPA_TRANSFER_REFUSED", "a stranger");
			return RECEIVED;
		},
	};
	const { logger, entries } = memoryLogger();
	const listener = await openInjectListener(config, ipa, { clock: systemClock, log: logger("ipa"), fallbackCa });
	if (listener === undefined) throw new Error("not listening");
	closers.push(() => listener.close());
	return String(entries.at(-1)?.facts.address);
}

function bring(hostPort: string, curve: keyof typeof pkis, shown: Credential, binding: "asn1" | "json") {
	const injector = createHttpInjector((tls) =>
		createHttpClient({ tls, identity: identity(shown), hosts: { [NAME]: hostPort }, timeout: Seconds(5) }),
	);
	return injector.transfer({ url: `https://${NAME}`, certificate: pem(pkis[curve].dpTls), binding }, MESSAGE);
}

const CURVES = ["P-256", "brainpoolP256r1"] as const;
const eimOf = (trustedTlsKey: EsipaTarget["trustedTlsKey"]): EsipaTarget => ({
	eimId: "eim",
	eimFqdn: "eim.example.com:8443",
	trustedTlsKey,
});

describe.each(CURVES)("packages brought over TLS on %s", (curve) => {
	const { eimTls, tlsCa, dsTls } = pkis[curve];

	it.each([
		["the key that the card pins", eimOf({ publicKey: spki(eimTls) }), []],
		["the certificate that the card pins", eimOf({ certificate: eimTls.certificate }), []],
		["a certificate for the eIM's name under the CA that the card pins", eimOf({ certificate: tlsCa.certificate }), []],
		["a certificate for the eIM's name under a CA of the IPA's own", eimOf(undefined), [pem(tlsCa)]],
	] as const)("come from an eIM that shows %s, in both bindings", async (_what, eim, fallbackCa) => {
		const address = await listenerFor(curve, eim, fallbackCa);
		for (const binding of ["asn1", "json"] as const) {
			expect(await bring(address, curve, eimTls, binding)).toEqual(RECEIVED);
			await expect(bring(address, curve, dsTls, binding)).rejects.toMatchObject({
				code: "INJECT_REFUSED",
				message: expect.stringContaining("403: a stranger"),
			});
		}
	});

	it("come from nobody where card and IPA name nobody, and go to nobody with another certificate", async () => {
		const address = await listenerFor(curve, eimOf(undefined));
		await expect(bring(address, curve, eimTls, "asn1")).rejects.toMatchObject({ code: "INJECT_REFUSED" });
		const other = curve === "P-256" ? "brainpoolP256r1" : "P-256";
		await expect(bring(address, other, eimTls, "asn1")).rejects.toMatchObject({ code: "INJECT_UNREACHABLE" });
	});
});
