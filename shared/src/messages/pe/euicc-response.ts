/** TCA eUICC Profile Package v3.3, module PEDefinitions: what the eUICC answers to profile elements. */

import {
	define,
	type Infer,
	integer,
	nullValue,
	optional,
	sequence,
	sequenceOf,
	utf8String,
} from "../../asn1/schema.ts";
import { UInt8, UInt15, UInt31 } from "./basic-types.ts";

export const PEStatusCode = {
	ok: 0,
	"pe-not-supported": 1,
	"memory-failure": 2,
	"bad-values": 3,
	"not-enough-memory": 4,
	"invalid-request-format": 5,
	"invalid-parameter": 6,
	"runtime-not-supported": 7,
	"lib-not-supported": 8,
	"template-not-supported": 9,
	"feature-not-supported": 10,
	"pin-code-missing": 11,
	"unsupported-profile-version": 31,
} as const;
/** Values from 24576 on are status words or proprietary. */
export const PEStatus = define(
	"PEStatus",
	sequence({
		status: integer({ named: PEStatusCode }),
		identification: optional(UInt15),
		"additional-information": optional(UInt8),
		offset: optional(UInt31),
	}),
);
export type PEStatus = Infer<typeof PEStatus>;

/** Status of the elements processed so far. */
export const EUICCResponse = define(
	"EUICCResponse",
	sequence({
		peStatus: sequenceOf(PEStatus),
		profileInstallationAborted: optional(nullValue()),
		statusMessage: optional(utf8String({ size: [2, 64] })),
	}),
);
export type EUICCResponse = Infer<typeof EUICCResponse>;
