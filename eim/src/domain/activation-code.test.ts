import { expect, it } from "vitest";
import { parseActivationCode } from "./activation-code.ts";

it("reads the forms of SGP.22 section 4.1, with and without the prefix of a QR code", () => {
	// As SGP.22 prints them.
	expect(parseActivationCode("1$SMDP.GSMA.COM$04386-AGYFT-A74Y8-3F815")).toEqual({
		smdpAddress: "SMDP.GSMA.COM",
		matchingId: "04386-AGYFT-A74Y8-3F815",
		confirmationCodeRequired: false,
	});
	expect(parseActivationCode("1$SMDP.GSMA.COM$04386-AGYFT-A74Y8-3F815$$1")).toMatchObject({
		confirmationCodeRequired: true,
	});
	expect(parseActivationCode("LPA:1$SMDP.GSMA.COM$04386-AGYFT-A74Y8-3F815$1.3.6.1.4.1.31746$1")).toMatchObject({
		smdpOid: "1.3.6.1.4.1.31746",
		confirmationCodeRequired: true,
	});
	expect(parseActivationCode("1$SMDP.GSMA.COM$")).toMatchObject({ matchingId: "" });
	expect(parseActivationCode(" lpa:1$localhost:8443$A ")).toMatchObject({ smdpAddress: "localhost:8443" });
});

it("says what is wrong with any other text", () => {
	for (const [text, why] of [
		["", "format 1"],
		["2$a.example$B", "format 1"],
		["1", "no SM-DP+ address"],
		["1$https://a.example$B", "no SM-DP+ address"],
		["1$a.example", "no matching id"],
		["1$a.example$B C", "matching id with other characters"],
	] as const) {
		const result = parseActivationCode(text);
		expect(result).toMatchObject({ code: "ACTIVATION_CODE_INVALID", message: expect.stringContaining(why) });
	}
});
