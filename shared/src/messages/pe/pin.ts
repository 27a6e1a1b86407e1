/** TCA eUICC Profile Package v3.3, module PEDefinitions: PINs and PUKs. */

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
import { PEHeader, UInt8 } from "./basic-types.ts";

export const PINKeyReferenceValueCode = {
	pinAppl1: 1,
	pinAppl2: 2,
	pinAppl3: 3,
	pinAppl4: 4,
	pinAppl5: 5,
	pinAppl6: 6,
	pinAppl7: 7,
	pinAppl8: 8,
	adm1: 10,
	adm2: 11,
	adm3: 12,
	adm4: 13,
	adm5: 14,
	secondPINAppl1: 129,
	secondPINAppl2: 130,
	secondPINAppl3: 131,
	secondPINAppl4: 132,
	secondPINAppl5: 133,
	secondPINAppl6: 134,
	secondPINAppl7: 135,
	secondPINAppl8: 136,
	adm6: 138,
	adm7: 139,
	adm8: 140,
	adm9: 141,
	adm10: 142,
} as const;
export const PINKeyReferenceValue = define("PINKeyReferenceValue", integer({ named: PINKeyReferenceValueCode }));
export type PINKeyReferenceValue = Infer<typeof PINKeyReferenceValue>;

export const PUKKeyReferenceValueCode = {
	pukAppl1: 1,
	pukAppl2: 2,
	pukAppl3: 3,
	pukAppl4: 4,
	pukAppl5: 5,
	pukAppl6: 6,
	pukAppl7: 7,
	pukAppl8: 8,
	secondPUKAppl1: 129,
	secondPUKAppl2: 130,
	secondPUKAppl3: 131,
	secondPUKAppl4: 132,
	secondPUKAppl5: 133,
	secondPUKAppl6: 134,
	secondPUKAppl7: 135,
	secondPUKAppl8: 136,
} as const;
export const PUKKeyReferenceValue = define("PUKKeyReferenceValue", integer({ named: PUKKeyReferenceValueCode }));
export type PUKKeyReferenceValue = Infer<typeof PUKKeyReferenceValue>;

/** maxNumOfAttemps-retryNumLeft: limit in the high half, remaining in the low half. */
export const PINConfiguration = define(
	"PINConfiguration",
	sequence({
		keyReference: PINKeyReferenceValue,
		pinValue: octetString({ size: 8 }),
		unblockingPINReference: optional(PUKKeyReferenceValue),
		pinAttributes: withDefault(UInt8, 7),
		"maxNumOfAttemps-retryNumLeft": withDefault(UInt8, 51),
	}),
);
export type PINConfiguration = Infer<typeof PINConfiguration>;

/** PINs of the directory before it, or the path of the directory that shares its PINs. */
export const PePinCodes = define(
	"PE-PINCodes",
	sequence({
		"pin-Header": PEHeader,
		pinCodes: choice({
			pinconfig: sequenceOf(PINConfiguration, { size: [1, 26] }),
			filePath: octetString({ size: [0, 8] }),
		}),
	}),
);
export type PePinCodes = Infer<typeof PePinCodes>;

/** maxNumOfAttemps-retryNumLeft: limit in the high half, remaining in the low half. */
export const PUKConfiguration = define(
	"PUKConfiguration",
	sequence({
		keyReference: PUKKeyReferenceValue,
		pukValue: octetString({ size: 8 }),
		"maxNumOfAttemps-retryNumLeft": withDefault(UInt8, 170),
	}),
);
export type PUKConfiguration = Infer<typeof PUKConfiguration>;

export const PePukCodes = define(
	"PE-PUKCodes",
	sequence({
		"puk-Header": PEHeader,
		pukCodes: sequenceOf(PUKConfiguration, { size: [1, 16] }),
	}),
);
export type PePukCodes = Infer<typeof PePukCodes>;
