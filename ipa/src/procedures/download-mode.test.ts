import { expect, it } from "vitest";
import { downloadMode, ipaCapabilities } from "./download-mode.ts";
import type { AssociatedEim, DirectRsp, ProcedureContext } from "./procedure-context.ts";

type Context = Pick<ProcedureContext, "settings" | "rsp">;

function context(directDownload: boolean, indirectDownload: boolean, hasRsp: boolean): Context {
	return {
		settings: { directDownload, indirectDownload } as ProcedureContext["settings"],
		rsp: hasRsp ? ({} as DirectRsp) : undefined,
	};
}

const eim = (indirectProfileDownload: boolean) => ({ indirectProfileDownload }) as AssociatedEim;

it.each([
	// direct, indirect, trusts a CI; offers indirect → mode; features
	[true, true, true, true, "indirect", "11"],
	[true, true, true, false, "direct", "11"],
	[true, true, false, false, "indirect", "01"],
	[true, false, true, true, "direct", "1"],
	[true, false, false, true, "none", ""],
	[false, true, true, false, "indirect", "01"],
	[false, false, true, true, "none", ""],
])("direct %s, indirect %s, CI trusted %s, offered %s: %s", (direct, indirect, hasRsp, isOffered, mode, features) => {
	const device = context(direct, indirect, hasRsp);
	expect(downloadMode(device, eim(isOffered))).toBe(mode);
	expect(ipaCapabilities(device).ipaFeatures).toMatch(new RegExp(`^${features}0*$`));
});
