import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { readWholeTlv, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { hex, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { testPki } from "../../../test/support/esipa-bench.ts";
import { parseEimConfigurationFile } from "../cli/eim-configuration-file.ts";
import { offersRetrieval } from "../procedures/start-up.ts";
import { decodeEimConfiguration } from "./eim-configuration.ts";

const sample = new Uint8Array(
	readFileSync(new URL("../../../test/vectors/onomondo-ipa/add-initial-eim.ber", import.meta.url)),
);
const { certificate } = testPki().eimTls;
const spki = new Uint8Array(new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" }));
const contents = (der: Uint8Array) => tlvValue(der, readWholeTlv(der));
const entry = (...members: Uint8Array[]) => tlv(0x30, tlv(0x80, utf8("eim")), ...members);

describe("an eIM configuration on the card", () => {
	it.each([
		["strict", tlv(0xa6, tlv(0xa0, contents(spki)))],
		["nested", tlv(0xa6, tlv(0xa0, spki))],
		["bare", tlv(0xa6, spki)],
	])("gives the TLS key from the %s form", (_form, member) => {
		expect(decodeEimConfiguration(entry(member)).trustedTlsKey).toEqual({ publicKey: spki });
	});

	it.each([
		["strict", tlv(0xa6, tlv(0xa1, contents(certificate)))],
		["nested", tlv(0xa6, tlv(0xa1, certificate))],
		["bare", tlv(0xa6, certificate)],
	])("gives the TLS certificate from the %s form", (_form, member) => {
		const { trustedTlsKey } = decodeEimConfiguration(entry(member));
		expect(trustedTlsKey && "certificate" in trustedTlsKey && toHex(trustedTlsKey.certificate)).toBe(
			toHex(certificate),
		);
	});

	it("gives identifier, address, counter, token and protocols", () => {
		const members = [tlv(0x81, utf8("127.0.0.1:8000")), hex`83013C`, hex`840105`, hex`87020780`, hex`8900`];
		expect(decodeEimConfiguration(entry(...members))).toMatchObject({
			eimId: "eim",
			eimFqdn: "127.0.0.1:8000",
			counterValue: 0x3c,
			associationToken: 5,
			trustedTlsKey: undefined,
			indirectProfileDownload: true,
			supportedProtocol: "1",
		});
	});

	it("offers HTTPS when its bit is set or nothing is said", () => {
		expect(offersRetrieval(decodeEimConfiguration(entry(hex`87020780`)), ["ipaRetrieveHttps"])).toBe(true);
		expect(offersRetrieval(decodeEimConfiguration(entry()), ["ipaRetrieveHttps"])).toBe(true);
		expect(offersRetrieval(decodeEimConfiguration(entry(hex`87020308`)), ["ipaRetrieveHttps"])).toBe(false);
		expect(offersRetrieval(decodeEimConfiguration(entry(hex`87020640`)), ["ipaRetrieveCoaps"])).toBe(true);
	});

	it("reads what a compiler-made encoder wrote (onomondo-ipa, contrib/sample_eim_cfg.ber)", () => {
		const { configurations, addInitialEimRequest } = parseEimConfigurationFile(sample, "sample");
		expect(configurations).toHaveLength(1);
		expect(configurations[0]).toMatchObject({
			eimId: "eIM",
			eimFqdn: "127.0.0.1:8000",
			counterValue: 1,
			associationToken: -1,
		});
		expect(toHex(addInitialEimRequest)).toBe(toHex(sample));
	});
});
