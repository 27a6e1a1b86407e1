/** SGP.32 v1.2, module SGP32Definitions: the default SM-DP+ address (ES10b.SetDefaultDpAddress). */

import { context, define, type Infer, integer, sequence, utf8String } from "../../asn1/schema.ts";

/** Tag BF65. */
export const SetDefaultDpAddressRequest = define(
	"SetDefaultDpAddressRequest",
	context(101),
	sequence({
		defaultDpAddress: utf8String(),
	}),
);
export type SetDefaultDpAddressRequest = Infer<typeof SetDefaultDpAddressRequest>;

export const SetDefaultDpAddressResultCode = { ok: 0, undefinedError: 127 } as const;
/** Tag BF65. */
export const SetDefaultDpAddressResponse = define(
	"SetDefaultDpAddressResponse",
	context(101),
	sequence({
		setDefaultDpAddressResult: integer({ named: SetDefaultDpAddressResultCode }),
	}),
);
export type SetDefaultDpAddressResponse = Infer<typeof SetDefaultDpAddressResponse>;
