import { describe, expect, it } from "vitest";
import { decode } from "../asn1/schema.ts";
import { EUICCResponse } from "../messages/pe/euicc-response.ts";
import { hex } from "../util/bytes.ts";
import { describeSimaResponse, simaFailure, simaSuccess } from "./sima-response.ts";

describe("EUICCResponse", () => {
	it("of a success is what cards send", () => {
		expect(simaSuccess()).toEqual(hex`3007A0053003800100`);
		expect(describeSimaResponse(simaSuccess())).toBe("ok");
	});

	it("of a failure names status and element, and cuts the text to what the type allows", () => {
		const der = simaFailure({ status: "bad-values", identification: 7, message: "ä".repeat(100) });
		expect(decode(EUICCResponse, der)).toEqual({
			peStatus: [{ status: 3, identification: 7 }],
			profileInstallationAborted: null,
			statusMessage: "ä".repeat(64),
		});
		expect(describeSimaResponse(simaFailure({ status: "not-enough-memory", message: "x" }))).toBe("not-enough-memory");
		expect(
			describeSimaResponse(simaFailure({ status: "pe-not-supported", identification: 2, message: "no applets" })),
		).toBe("pe-not-supported (element 2): no applets");
	});

	it("with a status that the type does not name is shown by its number", () => {
		expect(describeSimaResponse(hex`3008A0063004 80026985`)).toBe("status 27013");
	});
});
