import { hex, toHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { chooseConcealment, conceal, suciOf } from "./suci.ts";

describe("concealment (3GPP TS 33.501 annex C.4)", () => {
	const schemeInput = hex`00012080F6`;

	it("gives the scheme output of the test data for profile A", () => {
		const choice = {
			scheme: 1,
			keyIdentifier: 27,
			publicKey: hex`5A8D38864820197C3394B92613B20B91633CBD897119273BF8E4A6F4EEC0A650`,
		};
		const ephemeral = hex`C80949F13EBE61AF4EBDBD293EA4F942696B9E815D7E8F0096BBF6ED7DE62256`;
		expect(toHex(conceal(schemeInput, choice, ephemeral))).toBe(
			"B2E92F836055A255837DEBF850B528997CE0201CB82ADFE4BE1F587D07D8457DCB02352410CDDD9E730EF3FA87",
		);
	});

	it("gives the scheme output of the test data for profile B", () => {
		const choice = {
			scheme: 2,
			keyIdentifier: 27,
			publicKey: hex`0272DA71976234CE833A6907425867B82E074D44EF907DFB4B3E21C1C2256EBCD1`,
		};
		const ephemeral = hex`99798858A1DC6A2C68637149A4B1DBFD1FDFF5ADDD62A2142F06699ED7602529`;
		expect(toHex(conceal(schemeInput, choice, ephemeral))).toBe(
			"039AAB8376597021E855679A9778EA0B67396E68C66DF32C0F41E9ACCA2DA9B9D146A33FC2716AC7DAE96AA30A4D",
		);
	});

	it("writes network, routing indicator, scheme and key identifier before the output", () => {
		const input = {
			imsi: "274012001002086",
			mncLength: 3,
			routingIndicator: hex`F0FF`,
			ephemeralKey: new Uint8Array(32),
		};
		const choice = { scheme: 0, keyIdentifier: 0, publicKey: hex`` };
		expect(suciOf({ ...input, choice })).toEqual(hex`01 722410 F0FF 00 00 00012080F6`);
		const shortNetwork = { ...input, imsi: "001010123456063", mncLength: 2 };
		expect(suciOf({ ...shortNetwork, choice })).toEqual(hex`01 00F110 F0FF 00 00 1032540636`);
	});
});

describe("chooseConcealment", () => {
	// EF.SUCI_Calc_Info of a programmable USIM, as published with pySim
	const file = hex`A00401010000A14A80010A81204E858C4D49D1343E6181284C47CA721730C98742CB7C6182D2E8126E08088D3680010B8120D1BC365F4997D17CE4374E72181431CBFEBA9E1B98D7618F79D48561B144672A`;

	it("takes the first scheme with the key at its position", () => {
		expect(chooseConcealment(file)).toEqual({
			scheme: 1,
			keyIdentifier: 10,
			publicKey: hex`4E858C4D49D1343E6181284C47CA721730C98742CB7C6182D2E8126E08088D36`,
		});
	});

	it("passes over schemes that it does not know or that have no key", () => {
		expect(chooseConcealment(hex`A0060901020500 00FFFF`).scheme).toBe(0);
		expect(chooseConcealment(hex`A0020105 A1048001018100`).scheme).toBe(0);
	});

	it("conceals nothing when the file is empty or damaged", () => {
		for (const contents of [hex``, hex`FFFFFF`, hex`A005`, hex`A0020000FF`]) {
			expect(chooseConcealment(contents)).toMatchObject({ scheme: 0, keyIdentifier: 0 });
		}
	});
});
