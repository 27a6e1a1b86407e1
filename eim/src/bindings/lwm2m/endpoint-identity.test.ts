import { fromBase64 } from "@iot-esim/shared/util/bytes";
import { expect, it } from "vitest";
import { provenNames } from "./endpoint-identity.ts";

/** By OpenSSL: O=Maker + CN=890...0 (the text of an O), then serialNumber and CN in one RDN. */
const CERTIFICATE = fromBase64(
	"MIIB2TCCAX8CFGqLyKCNNeCqCq7oFs5fASo7hkXLMAoGCCqGSM49BAMCMG4xNDAyBgNVBAoMK01ha2VyICsgQ049ODkwNDkw" +
		"MzIwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAxNjALBgNVBAUTBDQ3MTEwJwYDVQQDDCA4OTA0OTAzMjEyMzQ1MTIzNDUxMjM0" +
		"NTY3ODkwMTIzNTAgFw0yNjExMjIyMTExMTZaGA8yMDUxMDcxNDIxMTExNlowbjE0MDIGA1UECgwrTWFrZXIgKyBDTj04OTA0" +
		"OTAzMjAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDE2MAsGA1UEBRMENDcxMTAnBgNVBAMMIDg5MDQ5MDMyMTIzNDUxMjM0NTEy" +
		"MzQ1Njc4OTAxMjM1MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEBNpjdakgdnMynvrGoZ3XiRn4hIk1bu7Mrf8hIZXJy6ss" +
		"TjBEtxv79FNvAOV2GteYLSSax9dJ4X/Qb1NFCQj9KjAKBggqhkjOPQQDAgNIADBFAiEA9h09bFLfCCtjTZ1SPf1KQXj++PrI" +
		"yxNL6/DDExbxoqwCIBfuGqRP9JpbOQt/OPfSdHWcUnPlydQAq5QRIOcjXmVo",
);

it("a certificate is for its common name also where that is one of several attributes of an RDN, and for no text of another one", () => {
	expect(provenNames({ certificate: CERTIFICATE })).toEqual(["89049032123451234512345678901235"]);
});
