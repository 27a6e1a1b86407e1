import {
	createDecipheriv,
	createHmac,
	createPrivateKey,
	createPublicKey,
	diffieHellman,
	generateKeyPairSync,
} from "node:crypto";
import { x963Kdf } from "@iot-esim/shared/crypto/kdf";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import {
	contentsOf,
	type ProfilePackage,
	packageElement,
	parseProfilePackage,
} from "@iot-esim/shared/profile/profile-package";
import { concatBytes, hex, toHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { CardSecurity, FileSession } from "./file-session.ts";
import { installFileSystem } from "./install-file-system.ts";

/** A USIM with services 124 and 125, DF.5GS and DF.SAIP with this SUCI calculation information. */
function session(
	calculationInformation: Uint8Array,
	more: Record<string, unknown> = {},
	services = hex`000000000000000000000000000000 18`,
) {
	const built = parseProfilePackage(
		buildProfilePackage({
			iccid: "89882190000000000017",
			imsi: "001010123456063",
			ki: "00".repeat(16),
			opc: "00".repeat(16),
			...more,
		}),
	);
	const folders = [
		packageElement({
			"df-5gs": {
				"df-5gs-header": { identification: 90 },
				templateID: "2.23.143.1.2.13",
				"df-df-5gs": [{ fileDescriptor: { pinStatusTemplateDO: hex`010A` } }],
				"ef-routing-indicator": [{ fillFileContent: hex`71F0` }],
			},
		}),
		packageElement({
			"df-saip": {
				"df-saip-header": { identification: 91 },
				templateID: "2.23.143.1.2.14",
				"df-df-saip": [{ fileDescriptor: { pinStatusTemplateDO: hex`010A` } }],
				"ef-suci-calc-info-usim": [
					{ fileDescriptor: { efFileSize: hex`60` } },
					{ fillFileContent: calculationInformation },
				],
			},
		}),
	];
	const profile: ProfilePackage = {
		elements: built.elements.flatMap((element) => {
			const usim = contentsOf(element, "usim");
			if (!usim) return element.kind === "opt-usim" ? [element, ...folders] : [element];
			const table = [{ fileDescriptor: { efFileSize: hex`10` } }, { fillFileContent: services }];
			return [packageElement({ usim: { ...usim, "ef-ust": table } })];
		}),
	};
	const outcome = installFileSystem(profile);
	if ("failure" in outcome) throw new Error(outcome.failure.message);
	const opened = new FileSession(outcome.fileSystem, new CardSecurity(), {
		bytes: (length) => new Uint8Array(length).fill(7),
	});
	opened.execute({ cla: 0, ins: 0xa4, p1: 4, p2: 0x0c, data: hex`A0000000871002` });
	return opened;
}

const getIdentity = (opened: FileSession, p2 = 1) =>
	opened.execute({ cla: 0x80, ins: 0x78, p1: 0, p2, data: hex``, le: 256 });

describe("GET IDENTITY", () => {
	it("gives the SUCI of the null scheme with the routing indicator of DF.5GS", () => {
		const { data, sw } = getIdentity(session(hex`A0020000`));
		expect(sw).toBe(0x9000);
		expect(toHex(data)).toBe("A10D0100F11071F000001032540636");
	});

	it("gives a SUCI of profile A that the home network can open", () => {
		const home = generateKeyPairSync("x25519");
		const raw = home.publicKey.export({ format: "der", type: "spki" }).subarray(-32);
		const { data } = getIdentity(session(concatBytes(hex`A0020101 A125 800121 8120`, raw)));
		expect(toHex(data.subarray(0, 10))).toBe("A1350100F11071F00121");
		const ephemeral = data.subarray(10, 42);
		const der = Buffer.concat([Buffer.from("302a300506032b656e032100", "hex"), ephemeral]);
		const secret = diffieHellman({
			privateKey: createPrivateKey(home.privateKey.export({ format: "pem", type: "pkcs8" })),
			publicKey: createPublicKey({ key: der, format: "der", type: "spki" }),
		});
		const keys = x963Kdf(secret, ephemeral, 64);
		const ciphertext = data.subarray(42, 47);
		const decipher = createDecipheriv("aes-128-ctr", keys.subarray(0, 16), keys.subarray(16, 32));
		expect(toHex(decipher.update(ciphertext))).toBe("1032540636");
		expect(toHex(data.subarray(47))).toBe(
			toHex(createHmac("sha256", keys.subarray(32)).update(ciphertext).digest()).slice(0, 16),
		);
	});

	it("needs both services, the PIN, the application, and a key that is one", () => {
		expect(getIdentity(session(hex`A0020000`, {}, hex`00000000000000000000000000000008`)).sw).toBe(0x6985);
		expect(getIdentity(session(hex`A0020000`, { pinEnabled: true })).sw).toBe(0x6982);
		expect(getIdentity(session(hex`A0020000`), 9).sw).toBe(0x6a86);
		expect(getIdentity(session(hex`A0020201 A108 800121 8103 020304`)).sw).toBe(0x6985);
		const opened = session(hex`A0020000`);
		opened.execute({ cla: 0, ins: 0xa4, p1: 0, p2: 0x0c, data: hex`3F00` });
		expect(getIdentity(opened).sw).toBe(0x6985);
	});
});
