import { decode } from "@iot-esim/shared/asn1/schema";
import { readTlvs, readWholeTlv, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { AddInitialEimRequest, EimSupportedProtocol } from "@iot-esim/shared/messages/sgp32/eim-configuration";
import { fromHex, hex, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { addInitialEimRequest } from "./eim-configuration.ts";

const { publicKey } = generateKeyPair("P-256");
const spki = new Uint8Array(publicKey.export({ format: "der", type: "spki" }));
const signer = { publicKey: spki };

const dataOf = (request: Uint8Array) => {
	const { eimConfigurationDataList } = decode(AddInitialEimRequest, request);
	const [data] = eimConfigurationDataList;
	if (data === undefined) throw new Error("the list is empty");
	return data;
};

describe("AddInitialEim for a card", () => {
	it("names the eIM, its key, its TLS trust, and lets the card choose the token", () => {
		const settings = { eimId: "eim.example.com", eimFqdn: "eim.example.com:8443", eimIdType: 2 } as const;
		const request = addInitialEimRequest({ ...settings, tlsTrust: { kind: "publicKey", spki } }, signer);
		expect(dataOf(request)).toEqual({
			...settings,
			counterValue: 1,
			associationToken: -1,
			eimPublicKeyData: { eimPublicKey: spki },
			trustedPublicKeyDataTls: { trustedEimPkTls: spki },
			eimSupportedProtocol: EimSupportedProtocol.of("eimRetrieveHttps", "eimInjectHttps"),
			indirectProfileDownload: null,
		});
		expect(toHex(request)).toContain("8401FF");
	});

	it("writes the key in the strict form: the arm in the place of the SEQUENCE's tag", () => {
		const request = addInitialEimRequest({ eimId: "eIM" }, signer);
		const contents = tlvValue(spki, readWholeTlv(spki));
		expect(toHex(request)).toContain(`A55BA059${toHex(contents)}`);
	});

	it("writes the nested form for cards that read nothing else", () => {
		const strict = addInitialEimRequest({ eimId: "eIM", tlsTrust: { kind: "publicKey", spki } }, signer);
		const nested = addInitialEimRequest(
			{ eimId: "eIM", tlsTrust: { kind: "publicKey", spki }, nestedCertificateArms: true },
			signer,
		);
		expect(toHex(nested)).toContain(`A55DA05B${toHex(spki)}`);
		expect(toHex(nested)).toContain(`A65DA05B${toHex(spki)}`);
		expect(toHex(strict)).not.toContain(toHex(spki));
	});

	it("gives the certificate where there is one, and says when it is missing", () => {
		const certificate = hex`30 03 02 01 05`;
		const data = dataOf(addInitialEimRequest({ eimId: "eIM" }, { publicKey: spki, certificate }));
		expect(data.eimPublicKeyData).toEqual({ eimCertificate: certificate });
		expect(() => addInitialEimRequest({ eimId: "eIM", signingKey: "certificate" }, signer)).toThrowError(
			expect.objectContaining({ code: "ESIPA_CONFIGURATION_INVALID" }),
		);
	});

	it("asks for no token when it shall not, and refuses an eimId that is too long", () => {
		expect(
			dataOf(addInitialEimRequest({ eimId: "eIM", associationToken: null }, signer)).associationToken,
		).toBeUndefined();
		expect(() => addInitialEimRequest({ eimId: "x".repeat(129) }, signer)).toThrowError(
			expect.objectContaining({ code: "ESIPA_CONFIGURATION_INVALID" }),
		);
	});

	it("reads the sample that comes with onomondo-ipa in the same form", () => {
		const sample = fromHex(SAMPLE);
		const data = dataOf(sample);
		expect(data).toMatchObject({ eimId: "eIM", eimFqdn: "127.0.0.1:8000", counterValue: 1, associationToken: -1 });
		const key = data.eimPublicKeyData;
		if (key === undefined || !("eimPublicKey" in key)) throw new Error("the sample has no public key");
		expect(key.eimPublicKey[0]).toBe(0x30);
		expect(readTlvs(sample, readWholeTlv(sample).valueStart)).toHaveLength(1);
		expect(toHex(sample)).toContain(toHex(utf8("127.0.0.1:8000")));
	});
});

/** contrib/sample_eim_cfg.ber of onomondo-ipa. */
const SAMPLE =
	"bf577ca07a3078800365494d810e3132372e302e302e313a383030308301018401ffa55ba059301306072a8648ce3d020106082a8648ce3d03010703420004fe584a6f450459574aeca195d0299737f74c89ba2d36df9286ec25d973037a0fba70d14df3e1f7d0a305e57b95b731c4de218d2d7f9f22113ed5d18c2e3ddf1c";
