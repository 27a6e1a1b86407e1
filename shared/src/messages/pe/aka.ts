/** TCA eUICC Profile Package v3.3, module PEDefinitions: keys and constants of the network authentication. */

import {
	choice,
	define,
	type Infer,
	integer,
	octetString,
	optional,
	sequence,
	sequenceOf,
	withDefault,
} from "../../asn1/schema.ts";
import { hex } from "../../util/bytes.ts";
import { ApplicationIdentifier, PEHeader, UInt8 } from "./basic-types.ts";

/** Shares the parameters of another application. */
export const MappingParameter = define(
	"MappingParameter",
	sequence({
		mappingOptions: octetString({ size: 1 }),
		mappingSource: ApplicationIdentifier,
	}),
);
export type MappingParameter = Infer<typeof MappingParameter>;

export const AlgorithmIdCode = { milenage: 1, tuak: 2, "usim-test-algorithm": 3 } as const;
/** Algorithm, key and constants of one network application. */
export const AlgoParameter = define(
	"AlgoParameter",
	sequence({
		algorithmID: integer({ named: AlgorithmIdCode }),
		algorithmOptions: octetString({ size: 1 }),
		key: octetString(),
		opc: octetString(),
		rotationConstants: withDefault(octetString({ size: 5 }), hex`4000204060`),
		xoringConstants: withDefault(
			octetString({ size: 80 }),
			hex`0000000000000000000000000000000000000000000000000000000000000001000000000000000000000000000000020000000000000000000000000000000400000000000000000000000000000008`,
		),
		authCounterMax: optional(octetString({ size: 3 })),
		numberOfKeccak: withDefault(UInt8, 1),
	}),
);
export type AlgoParameter = Infer<typeof AlgoParameter>;

/** Belongs to the USIM or ISIM before it; sqnInit has one entry for each index. */
export const PeAkaParameter = define(
	"PE-AKAParameter",
	sequence({
		"aka-header": PEHeader,
		algoConfiguration: choice({
			mappingParameter: MappingParameter,
			algoParameter: AlgoParameter,
		}),
		sqnOptions: withDefault(octetString({ size: 1 }), hex`02`),
		sqnDelta: withDefault(octetString({ size: 6 }), hex`000010000000`),
		sqnAgeLimit: withDefault(octetString({ size: 6 }), hex`000010000000`),
		sqnInit: withDefault(
			sequenceOf(octetString({ size: 6 }), { size: 32 }),
			Array.from({ length: 32 }, () => new Uint8Array(6)),
		),
	}),
);
export type PeAkaParameter = Infer<typeof PeAkaParameter>;
