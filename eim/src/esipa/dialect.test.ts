import { encode } from "@iot-esim/shared/asn1/schema";
import { decodeLenient } from "@iot-esim/shared/messages/sgp32/deviations";
import { AuthenticateClientResponseEsipa } from "@iot-esim/shared/messages/sgp32/esipa-download";
import {
	GetEimPackageRequest,
	GetEimPackageResponse,
	ProvideEimPackageResult,
	ProvideEimPackageResultResponse,
} from "@iot-esim/shared/messages/sgp32/esipa-package";
import { fromHex, hex, toHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { learnVersion, STRICT_DIALECT, setDialect, versionOfCard, versionOfIpa } from "../domain/dialect.ts";
import { answerIn, versionOfPoll, versionOfResult } from "./dialect.ts";

const EID = "5A1089049032000000000000000000000163";

describe("the version of an IPA", () => {
	it.each([
		[`BF4F17${EID}810362F210`, "1.0"],
		[`BF4F19${EID}8000810362F210`, "1.0"],
		[`BF4F15${EID}810103`, "1.2"],
		[`BF4F17${EID}820362F210`, "1.2"],
		[`BF4F12${EID}`, undefined],
	])("is shown by the poll %s: %s", (octets, version) => {
		const body = fromHex(octets);
		expect(versionOfPoll(body, decodeLenient(GetEimPackageRequest, body))).toBe(version);
	});

	it.each([
		["a result without EID", "BF500B BF5108 A206 800165 840101", "1.0"],
		["a result with EID", `BF501D ${EID} BF5108 A206 800165 840101`, "1.2"],
		["an error as a bare number", "BF5003 020102", "1.0"],
		["data with its address under 80", "BF500A BF5207 A005 8003 616263", "1.0"],
		["data without EID, as IPAs of every version send them", "BF5008 BF5205 A003 840101", undefined],
	])("is shown by %s (%s): %s", (_, octets, version) => {
		const body = fromHex(octets.replaceAll(" ", ""));
		expect(versionOfResult(body, decodeLenient(ProvideEimPackageResult, body))).toBe(version);
	});
});

describe("what is learnt", () => {
	it("replaces what was assumed or learnt, never what an operator set", () => {
		const learnt = learnVersion(STRICT_DIALECT, "version", "1.0", "GetEimPackage");
		expect(learnt).toMatchObject({ version: "1.0", versionFrom: "GetEimPackage" });
		expect(learnt && learnVersion(learnt, "version", "1.0", "ProvideEimPackageResult")).toBeUndefined();
		expect(learnt && learnVersion(learnt, "version", "1.2", "ProvideEimPackageResult")).toMatchObject({
			version: "1.2",
		});
		const set = setDialect({ version: "1.1" });
		expect(learnVersion(set, "version", "1.0", "GetEimPackage")).toBeUndefined();
		expect(learnVersion(set, "euiccVersion", "1.3", "EUICCInfo2")).toMatchObject({
			version: "1.1",
			euiccVersion: "1.3",
		});
	});

	it("packages are built in the version of the card, else in that of the IPA", () => {
		expect(versionOfCard(setDialect({ version: "1.0" }))).toBe("1.0");
		expect(versionOfCard(setDialect({ version: "1.0", euiccVersion: "1.2" }))).toBe("1.2");
	});
});

describe("answers to an IPA whose eUICC is of version 1.3", () => {
	it("are those of 1.3 unless the IPA is of another version, or an operator says so", () => {
		const euiccVersion = "1.3";
		const learnt = learnVersion(STRICT_DIALECT, "euiccVersion", euiccVersion, "EUICCInfo2") ?? STRICT_DIALECT;
		expect(versionOfIpa(learnt)).toBe("1.3");
		expect(versionOfIpa(learnVersion(learnt, "version", "1.2", "GetEimPackage") ?? learnt)).toBe("1.3");
		expect(versionOfIpa({ ...learnt, version: "1.0" })).toBe("1.0");
		expect(versionOfIpa(setDialect({ version: "1.2", euiccVersion }))).toBe("1.2");
		const expired = encode(AuthenticateClientResponseEsipa, { authenticateClientErrorEsipa: 18 });
		expect(toHex(answerIn(learnt, AuthenticateClientResponseEsipa, expired))).toBe("BF3B03820112");
		expect(toHex(answerIn(STRICT_DIALECT, AuthenticateClientResponseEsipa, expired))).toBe("BF3B0382017F");
	});
});

describe("answers", () => {
	const written = (version: "1.0" | "1.1" | "1.2", octets: string) => {
		const schema = octets.startsWith("BF4F") ? GetEimPackageResponse : ProvideEimPackageResultResponse;
		return toHex(answerIn({ version }, schema as typeof GetEimPackageResponse, fromHex(octets)));
	};

	it.each([
		["BF50023000", "1.0", "BF5000"],
		["BF50023000", "1.1", "BF5000"],
		["BF50023000", "1.2", "BF50023000"],
		["BF5003020104", "1.0", "BF5000"],
		["BF5006BF5303800105", "1.0", "BF5006BF5303800105"],
		["BF4F03020102", "1.0", "BF4F0302017F"],
		["BF4F03020101", "1.0", "BF4F03020101"],
	] as const)("%s is in version %s %s", (answer, version, expected) => {
		expect(written(version, answer)).toBe(expected);
	});

	it("ask for data by the names of version 1.0, results by their criterion, and without a transaction", () => {
		const answer = hex`BF4F 12 BF52 0F 5C 0A 81 A2 BF20 BF22 84 A5 A6 A8 83 01 55`;
		expect(written("1.0", toHex(answer))).toBe("BF4F14BF52115C0B80BF2BBF20BF2284A5A688A1028200");
	});
});
