/** SGP.32 v1.2, module SGP32Definitions: a name for NULL, which that edition of the module has. */

import { define, type Infer, nullValue } from "../../asn1/schema.ts";

/** NULL. */
export const AsnNull = define("AsnNull", nullValue());
export type AsnNull = Infer<typeof AsnNull>;
