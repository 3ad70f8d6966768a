package feed

import "strings"

// months maps month names and their short forms, in lower case, to 1..12:
// English, German, French, Spanish, Portuguese, Italian, Dutch, Polish, Czech,
// Swedish, Danish, Norwegian, Finnish, Turkish, Indonesian, Romanian, Russian,
// Ukrainian, Bulgarian, Greek, Arabic (both sets), Persian, Urdu, Hindi, Bengali.
var months = monthNames(
	"jan january jänner januar janvier janv enero ene janeiro gennaio gen januari stycznia styczeń sty ledna leden tammikuu tammikuuta ocak oca ianuarie ian январь января янв січень січня січ януари яну ιανουαρίου ιανουάριος ιαν يناير ژانویه جنوری जनवरी জানুয়ারি জানুয়ারি",
	"feb february februar février févr fév fevrier febrero fevereiro fev febbraio februari lutego luty lut února únor helmikuu helmikuuta şubat şub februarie февраль февраля фев лютий лютого лют февруари φεβρουαρίου φεβρουάριος φεβ فبراير شباط فوریه فروری फरवरी फ़रवरी ফেব্রুয়ারি ফেব্রুয়ারি",
	"mar march märz mär mars marzo março marco maart mrt marca marzec března březen maaliskuu maaliskuuta mart martie март марта мар березень березня бер μαρτίου μάρτιος μαρ مارس آذار مارچ मार्च মার্চ",
	"apr april avril avr abril abr aprile kwietnia kwiecień kwi dubna duben huhtikuu huhtikuuta nisan nis aprilie апрель апреля апр квітень квітня кві април απριλίου απρίλιος απρ أبريل ابريل نيسان آوریل اپریل अप्रैल এপ্রিল",
	"may mai mayo maio maggio mag mei maja maj května květen toukokuu toukokuuta mayıs май мая травень травня тра μαΐου μάιος μαϊ مايو أيار مه مئی मई মে",
	"jun june juni juin junho junio giugno giu czerwca czerwiec cze června červen kesäkuu kesäkuuta haziran haz iunie iun июнь июня июн червень червня чер юни ιουνίου ιούνιος ιουν يونيو حزيران ژوئن جون जून জুন",
	"jul july juli juillet juil julio julho luglio lug lipca lipiec lip července červenec heinäkuu heinäkuuta temmuz tem iulie iul июль июля июл липень липня лип юли ιουλίου ιούλιος ιουλ يوليو تموز ژوئیه جولائی जुलाई জুলাই",
	"aug august août aout agosto ago augustus sierpnia sierpień sie srpna srpen elokuu elokuuta augusti ağustos ağu agustus август августа авг серпень серпня сер αυγούστου αύγουστος αυγ أغسطس آب اوت اگست अगस्त আগস্ট",
	"sep sept september septembre septiembre setiembre setembro set settembre września wrzesień wrz září syyskuu syyskuuta eylül eyl septembrie сентябрь сентября сен сент вересень вересня вер септември σεπτεμβρίου σεπτέμβριος σεπ سبتمبر أيلول سپتامبر ستمبر सितंबर सितम्बर সেপ্টেম্বর",
	"oct october oktober okt octobre octubre outubro out ottobre ott października październik paź října říjen lokakuu lokakuuta ekim eki octombrie октябрь октября окт жовтень жовтня жов октомври οκτωβρίου οκτώβριος οκτ أكتوبر اكتوبر اکتبر اکتوبر अक्टूबर অক্টোবর",
	"nov november novembre noviembre novembro listopada listopad lis listopadu marraskuu marraskuuta kasım kas noiembrie noi ноябрь ноября ноя нояб листопад листопада лис ноември νοεμβρίου νοέμβριος νοε نوفمبر نوامبر نومبر नवंबर नवम्बर নভেম্বর",
	"dec december dezember dez décembre déc decembre diciembre dic dezembro dicembre grudnia grudzień gru prosince prosinec joulukuu joulukuuta aralık ara decembrie desember des декабрь декабря дек грудень грудня гру декември δεκεμβρίου δεκέμβριος δεκ ديسمبر دسامبر دسمبر दिसंबर दिसम्बर ডিসেম্বর",
)

func monthNames(lists ...string) map[string]int {
	m := map[string]int{}
	for i, list := range lists {
		for name := range strings.FieldsSeq(list) {
			m[name] = i + 1
		}
	}
	return m
}

// zones gives the offset of zone names in seconds east of UTC. Names that
// several places use mean the one most feeds mean: IST is India, CST and EST
// are American, BST is British Summer Time.
var zones = map[string]int{
	"z": 0, "utc": 0, "ut": 0, "gmt": 0, "wet": 0, "west": 3600, "bst": 3600,
	"cet": 3600, "mez": 3600, "met": 3600, "cest": 7200, "mesz": 7200, "mest": 7200, "eet": 7200, "eest": 10800,
	"msk": 10800, "trt": 10800, "ast": -14400, "adt": -10800, "est": -18000, "edt": -14400, "cst": -21600, "cdt": -18000,
	"mst": -25200, "mdt": -21600, "pst": -28800, "pdt": -25200, "akst": -32400, "akdt": -28800, "hst": -36000,
	"nst": -12600, "ndt": -9000, "brt": -10800, "art": -10800, "clt": -14400, "cot": -18000, "pet": -18000,
	"gst": 14400, "pkt": 18000, "uzt": 18000, "ist": 19800, "npt": 20700, "bdt": 21600, "ict": 25200, "wib": 25200,
	"hkt": 28800, "sgt": 28800, "pht": 28800, "awst": 28800, "myt": 28800, "jst": 32400, "kst": 32400,
	"acst": 34200, "acdt": 37800, "aest": 36000, "aedt": 39600, "nzst": 43200, "nzdt": 46800, "sast": 7200, "eat": 10800, "cat": 7200, "wat": 3600,
}
