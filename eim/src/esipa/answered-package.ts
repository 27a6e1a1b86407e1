import type { Eid } from "@iot-esim/shared/ids/eid";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import type { EimPackageKind } from "../domain/eim-package.ts";
import type { FoundPackage, PackageStore } from "../storage/store.ts";

/**
 * The package that an answer of this kind is to: the one whose transaction it names, else the open one. Nobody signs such
 * answers, so none of them may say anything of a package of another kind, nor one to an earlier package of a later one.
 */
export async function answeredPackage(
	{ store }: { readonly store: PackageStore },
	eid: Eid,
	kind: EimPackageKind,
	eimTransactionId: Uint8Array | undefined,
): Promise<FoundPackage | undefined> {
	const by =
		eimTransactionId === undefined ? { kind } : { eimTransactionId: TransactionId.fromBytes(eimTransactionId) };
	const found = await store.findPackage(eid, by);
	return found?.package.kind === kind ? found : undefined;
}
