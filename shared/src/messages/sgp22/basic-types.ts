/** SGP.22 v2.5, module RSPDefinitions: octet strings of fixed size and identifiers. */

import { application, context, define, type Infer, integer, octetString } from "../../asn1/schema.ts";

export const Octet1 = define("Octet1", octetString({ size: 1 }));
export type Octet1 = Infer<typeof Octet1>;

export const Octet2 = define("Octet2", octetString({ size: 2 }));
export type Octet2 = Infer<typeof Octet2>;

export const Octet4 = define("Octet4", octetString({ size: 4 }));
export type Octet4 = Infer<typeof Octet4>;

export const Octet8 = define("Octet8", octetString({ size: 8 }));
export type Octet8 = Infer<typeof Octet8>;

export const Octet16 = define("Octet16", octetString({ size: 16 }));
export type Octet16 = Infer<typeof Octet16>;

export const Octet32 = define("Octet32", octetString({ size: 32 }));
export type Octet32 = Infer<typeof Octet32>;

export const OctetTo16 = define("OctetTo16", octetString({ size: [1, 16] }));
export type OctetTo16 = Infer<typeof OctetTo16>;

/** Major, minor and revision, one octet each. */
export const VersionType = define("VersionType", octetString({ size: 3 }));
export type VersionType = Infer<typeof VersionType>;

/** Ten octets as in EF.ICCID; `Iccid.fromBytes` of shared/ids gives the digits. Tag 5A. */
export const Iccid = define("Iccid", application(26), octetString({ size: 10 }));
export type Iccid = Infer<typeof Iccid>;

export const RemoteOpIdCode = { installBoundProfilePackage: 1 } as const;
/** What the SM-DP+ asks of the eUICC; only one operation is defined. Tag 82. */
export const RemoteOpId = define("RemoteOpId", context(2), integer({ named: RemoteOpIdCode }));
export type RemoteOpId = Infer<typeof RemoteOpId>;

/** Chosen by the RSP server for one session. */
export const TransactionId = define("TransactionId", octetString({ size: [1, 16] }));
export type TransactionId = Infer<typeof TransactionId>;
