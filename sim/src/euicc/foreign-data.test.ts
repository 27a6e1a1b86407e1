import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decode } from "@iot-esim/shared/asn1/schema";
import { Eid } from "@iot-esim/shared/ids/eid";
import { ProfileInstallationResult } from "@iot-esim/shared/messages/sgp22/profile-installation-result";
import { parseProfilePackage } from "@iot-esim/shared/profile/profile-package";
import { subscriberOf } from "@iot-esim/shared/profile/subscriber";
import { toHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { loadPki, requireEuicc, requireMember } from "../pki/pki-directory.ts";
import { profileFileSystems } from "./file-system/profile-file-systems.ts";
import { CardBench, iccidOf } from "./testing/card-bench.ts";
import { isSignedByCard, metadataFor, TestSmdp } from "./testing/test-smdp.ts";

/** Public GSMA test material, which is not part of this project. */
const DATA = fileURLToPath(new URL("../../../../shared/data", import.meta.url));
const isThere = existsSync(join(DATA, "certs")) && existsSync(join(DATA, "upp"));
if (!isThere) console.log(`${DATA} is absent: downloads with SGP.26 certificates and TS.48 profiles are not tested`);

/** The card, SM-DP+ and CI of SGP.26 on NIST P-256, with their published keys. */
function sgp26() {
	const pki = loadPki(join(DATA, "certs"), { curve: "P-256" });
	const euicc = requireEuicc(pki);
	const { ci, eum } = pki.members;
	if (ci === undefined || eum === undefined) throw new Error("CI or EUM certificate missing");
	return {
		curve: pki.curve,
		eid: Eid(euicc.eid),
		// The key of the CI is not published; nothing here signs with it.
		ci: { certificate: ci.certificate, privateKey: euicc.privateKey },
		eum,
		euicc,
		dpAuth: requireMember(pki, "dpAuth"),
		dpPb: requireMember(pki, "dpPb"),
	};
}

describe.runIf(isThere)("a card of SGP.26", () => {
	const files = isThere ? readdirSync(join(DATA, "upp")).filter((name) => name.endsWith(".der")) : [];

	it.each(files)("downloads %s in a Bound Profile Package and shows the terminal its files", async (file) => {
		const pki = sgp26();
		const bench = await new CardBench({ pkis: [pki], fileSystems: profileFileSystems() }).start();
		const profile = new Uint8Array(readFileSync(join(DATA, "upp", file)));
		const { iccid, imsi } = subscriberOf(parseProfilePackage(profile));
		const smdp = new TestSmdp(pki);
		const answer = decode(
			ProfileInstallationResult,
			await smdp.download(bench, { profile, metadata: metadataFor(iccid) }),
		);
		const { der, value } = answer.profileInstallationResultData;
		expect(value.finalResult).toHaveProperty("successResult");
		expect(value.smdpOid).toBe("2.999.10");
		expect(isSignedByCard(pki.euicc.certificate, der, answer.euiccSignPIR)).toBe(true);
		await bench.ask(`BF3111A00C5A0A${toHex(iccidOf(iccid))}810100`);
		await bench.send("00A40004022FE2");
		expect(await bench.send("00B000000A")).toBe(`${toHex(iccidOf(iccid))}9000`);
		expect(await bench.send("00A4040007A0000000871002")).toMatch(/^61/);
		await bench.send("00A40004026F07");
		const contents = await bench.send("00B0000009");
		expect(contents === "6982" || digitsOf(contents).includes(imsi)).toBe(true);
		expect(bench.errors).toEqual([]);
	});
});

/** Digits of EF.IMSI, two exchanged by two, behind its length. */
function digitsOf(contents: string): string {
	return contents.slice(2, 18).replace(/(.)(.)/g, "$2$1");
}
