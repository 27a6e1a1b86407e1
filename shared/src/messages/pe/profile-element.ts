/** TCA eUICC Profile Package v3.3, module PEDefinitions: one element of a profile package. */

import { choice, define, type Infer } from "../../asn1/schema.ts";
import { PeAkaParameter } from "./aka.ts";
import { PeApplication } from "./application.ts";
import { PeCdmaParameter, PeCsim, PeOptCsim } from "./csim.ts";
import { PeEap } from "./eap.ts";
import { PeGenericFileManagement } from "./file.ts";
import { PeDf5gprose, PeDf5gs, PeDfSaip, PeDfSnpn } from "./fiveg.ts";
import { PeIot, PeOptIot } from "./iot.ts";
import { PeIsim, PeOptIsim } from "./isim.ts";
import { PeCd, PeMf, PePhonebook, PeTelecom } from "./mf.ts";
import { PePinCodes, PePukCodes } from "./pin.ts";
import { PeDummy, PeEnd, PeNonStandard, ProfileHeader } from "./profile-header.ts";
import { PeRfm, PeSecurityDomain } from "./security-domain.ts";
import { PeGsmAccess, PeOptUsim, PeUsim } from "./usim.ts";

/** A profile package is a row of these, without a wrapper, from header to end. */
export const ProfileElement = define(
	"ProfileElement",
	choice({
		header: ProfileHeader,
		genericFileManagement: PeGenericFileManagement,
		pinCodes: PePinCodes,
		pukCodes: PePukCodes,
		akaParameter: PeAkaParameter,
		cdmaParameter: PeCdmaParameter,
		securityDomain: PeSecurityDomain,
		rfm: PeRfm,
		application: PeApplication,
		nonStandard: PeNonStandard,
		end: PeEnd,
		rfu1: PeDummy,
		rfu2: PeDummy,
		rfu3: PeDummy,
		rfu4: PeDummy,
		rfu5: PeDummy,
		mf: PeMf,
		cd: PeCd,
		telecom: PeTelecom,
		usim: PeUsim,
		"opt-usim": PeOptUsim,
		isim: PeIsim,
		"opt-isim": PeOptIsim,
		phonebook: PePhonebook,
		"gsm-access": PeGsmAccess,
		csim: PeCsim,
		"opt-csim": PeOptCsim,
		eap: PeEap,
		"df-5gs": PeDf5gs,
		"df-saip": PeDfSaip,
		"df-snpn": PeDfSnpn,
		"df-5gprose": PeDf5gprose,
		iot: PeIot,
		"opt-iot": PeOptIot,
	}),
);
export type ProfileElement = Infer<typeof ProfileElement>;
