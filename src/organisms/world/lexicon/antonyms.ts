const pairs = (text: string): readonly (readonly [string, string])[] =>
  text
    .trim()
    .split(/\s+/)
    .map((pair) => {
      const [first, second] = pair.split('/');
      return [first, second] as const;
    });

/** English opposites. Every word occurs once, so each has exactly one answer. */
export const englishPairs = pairs(`
  hot/cold big/small tall/short fast/slow good/bad happy/sad rich/poor young/old new/ancient up/down
  left/right open/closed full/empty light/dark day/night early/late hard/soft wet/dry high/low
  near/far first/last long/brief strong/weak clean/dirty loud/quiet thick/thin wide/narrow deep/shallow
  sharp/dull smooth/rough sweet/bitter heavy/weightless true/false inside/outside above/below
  before/after always/never love/hate peace/war win/lose buy/sell give/take push/pull begin/end
  arrive/leave remember/forget laugh/cry float/sink awake/asleep alive/dead brave/cowardly
  cheap/expensive easy/difficult safe/risky kind/cruel polite/rude north/south east/west
  friend/enemy success/failure truth/lie question/answer summer/winter king/servant
  fresh/rotten fat/lean simple/complex public/private`);

/** French opposites, one answer each. */
export const frenchPairs = pairs(`
  chaud/froid grand/petit rapide/lent bon/mauvais heureux/triste riche/pauvre jeune/vieux
  haut/bas gauche/droite ouvert/fermé plein/vide clair/sombre jour/nuit tôt/tard dur/mou
  mouillé/sec près/loin premier/dernier long/court fort/faible propre/sale bruyant/silencieux
  épais/mince large/étroit profond/superficiel lisse/rugueux doux/amer lourd/léger vrai/faux
  dedans/dehors dessus/dessous avant/après toujours/jamais amour/haine paix/guerre gagner/perdre
  acheter/vendre donner/prendre pousser/tirer commencer/finir arriver/partir oublier/retenir
  rire/pleurer flotter/couler vivant/mort courageux/lâche cher/gratuit facile/difficile sûr/risqué
  gentil/cruel poli/impoli nord/sud est/ouest ami/ennemi succès/échec vérité/mensonge
  question/réponse été/hiver frais/pourri simple/complexe public/privé monter/descendre
  entrer/sortir nouveau/ancien maître/serviteur beau/laid naître/mourir`);

/** Chinese opposites in simplified script, one answer each. */
export const simplifiedPairs = pairs(`
  大/小 高/低 长/短 冷/热 好/坏 快/慢 新/旧 多/少 上/下 左/右 前/后 里/外 开/关 来/去 进/出 买/卖
  男/女 老/幼 黑/白 明/暗 早/晚 轻/重 强/弱 胖/瘦 远/近 深/浅 宽/窄 厚/薄 软/硬 干/湿 甜/苦 真/假
  善/恶 美/丑 生/死 爱/恨 哭/笑 胜/败 贫/富 难/易 动/静 阴/阳 天/地 东/西 南/北 春/秋 昼/夜 始/终
  攻/守 升/降 加/减 乘/除 得/失 有/无 是/非 正/反 粗/细 清/浊 古/今 存/亡 公/私 敌/友 问/答
  虚/实 曲/直 日/月 父/母 推/拉`);

/** The same opposites in traditional script; only the characters that differ are listed. */
const traditional: Readonly<Record<string, string>> = {
  长: '長',
  热: '熱',
  坏: '壞',
  旧: '舊',
  后: '後',
  里: '裡',
  开: '開',
  关: '關',
  来: '來',
  进: '進',
  买: '買',
  卖: '賣',
  轻: '輕',
  强: '強',
  远: '遠',
  浅: '淺',
  宽: '寬',
  软: '軟',
  干: '乾',
  湿: '濕',
  恶: '惡',
  丑: '醜',
  爱: '愛',
  胜: '勝',
  败: '敗',
  贫: '貧',
  难: '難',
  动: '動',
  静: '靜',
  阴: '陰',
  阳: '陽',
  东: '東',
  昼: '晝',
  终: '終',
  减: '減',
  无: '無',
  细: '細',
  浊: '濁',
  敌: '敵',
  问: '問',
  虚: '虛',
  实: '實',
};

/** Chinese opposites in traditional script. */
export const traditionalPairs: readonly (readonly [string, string])[] = simplifiedPairs.map(
  ([first, second]) => [traditional[first] ?? first, traditional[second] ?? second] as const,
);
