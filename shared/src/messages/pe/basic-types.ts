/** TCA eUICC Profile Package v3.3, module PEDefinitions: integers of bounded size, the header of every element. */

import { define, type Infer, integer, nullValue, octetString, optional, sequence } from "../../asn1/schema.ts";

export const UInt8 = define("UInt8", integer({ min: 0, max: 255 }));
export type UInt8 = Infer<typeof UInt8>;

export const UInt15 = define("UInt15", integer({ min: 0, max: 32767 }));
export type UInt15 = Infer<typeof UInt15>;

export const UInt16 = define("UInt16", integer({ min: 0, max: 65535 }));
export type UInt16 = Infer<typeof UInt16>;

export const UInt31 = define("UInt31", integer({ min: 0, max: 2147483647 }));
export type UInt31 = Infer<typeof UInt31>;

export const ApplicationIdentifier = define("ApplicationIdentifier", octetString({ size: [5, 16] }));
export type ApplicationIdentifier = Infer<typeof ApplicationIdentifier>;

/** `mandated` means that the eUICC must know this element. */
export const PEHeader = define(
	"PEHeader",
	sequence({
		mandated: optional(nullValue()),
		identification: UInt15,
	}),
);
export type PEHeader = Infer<typeof PEHeader>;
