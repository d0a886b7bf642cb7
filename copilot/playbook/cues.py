"""Cues: what a question takes for granted, and what an answer to it would have to name."""

from __future__ import annotations

import re

# All patterns read search forms: simplified, lower case, full width folded (`，` is `,` there).

# A clause about the asker's own group claims nothing about the playbook.
_OWN = re.compile(r"我(?!记得)|咱|自己|群里|本群")
_CLAUSE = re.compile(r"[,。;!?、\n]+")

# Names a source for what follows: 「书里说…」. Who has read it rarely says so.
_SAID = re.compile(
    r"(?:书|文档|文章|资料|材料|手册|教程|课件|原文)(?:里面?|中|上)|我记得|来着|哪一[节章页]"
    r"|(?:书|文档|文章|资料|材料|手册|教程|原文)[^,。?]{0,4}(?:说|写|讲|提到|建议|规定|要求|推荐)"
)

# Asks for a state of the asker's own records at a moment: 「昨天群里来了多少人」.
_LIVE = re.compile(
    r"(?:现在|目前|今天|今早|昨天|昨晚|前天|这周|本周|上周|这个?月|本月|上个?月|刚才|刚刚|截至)"
    r"[^,。?]{0,14}(?:多少|几[条个人位名单笔]|谁(?!都|也)|哪[条位]|排名|名单)"
    r"|(?:会员|订单|账号|课程|积分|余额)[^,。?]{0,6}(?:了吗|了没|到期|还剩|什么时候到|哪天)"
    r"|前(?:[一二三四五六七八九十]|\d+)名"
)

# Things that an answer must name when the question does: a playbook that covers them has the word.
_THINGS = re.compile(
    # fixed forms
    r"模板|范本|样本|公式|字段|源码|代码|脚本|爬虫|接口|像素"
    # law, licences, tax
    r"|第几条|起诉|律师|取证|维权|犯法|判刑|能赔|违约金|合同|协议|许可证|备案|执照|经营范围|发票|个税|缴税"
    r"|交税|商标|专利|公证|仲裁|社保|劳动法|保护法|广告法"
    # prices that only a price list knows
    r"|报名费|手续费|抽成|押金|分成|提成|定价|月薪|底薪|汇率|提现"
    # devices, accounts and procedures of others
    r"|型号|麦克风|摄像头|打印|申诉|限流|解封|实名认证|注册公司|考证|证书|安装包|权限|插件|机器人|小程序"
    # plainly something else
    r"|翻译|菜谱|做菜|股票|基金|彩票|天气|星座|减肥|数学题|方程|作文|简历|机票|酒店|电影|笑话|感冒|头疼"
)
# Houses and products, which people name without capitals; capitals in Latin letters are names too.
_HOUSES = re.compile(
    r"微信|企微|公众号|视频号|小红书|抖音|快手|微博|知乎|豆瓣|b站|闲鱼|淘宝|天猫|京东|拼多多|美团|饿了么|滴滴"
    r"|支付宝|钉钉|飞书|腾讯|石墨|有赞|微盟|小鹅通|千聊|荔枝|喜马拉雅|樊登|知识星球|吴晓波|瑞幸|星巴克"
    r"|海底捞|小米|华为|苹果|茅台|特斯拉|阿里|百度|字节|网易|泡泡玛特|蔚来|豆包|文心|通义"
)
_NAME = re.compile(r"(?<![A-Za-z])[A-Z][A-Za-z]{2,}(?![A-Za-z])")

# What kind of thing is asked for, and how the evidence shows that it has one.
_KINDS = (
    (
        re.compile(
            r"多少钱|(?<!哪)(?<!这)几块|块钱|费用?是?多少|[薪资][^,。?]{0,4}多少|拿多少|卖多少|收多少|报价"
            r"|退多少|赔多少"
        ),
        re.compile(r"\d[\d.,]*\s*[百千万亿]*[元块]|[百千万亿]元"),
    ),
    (re.compile(r"几点"), re.compile(r"\d{1,2}[点:]\d{0,2}|[早晚]上|[上下]午|凌晨")),
    (
        re.compile(r"(?:去哪|哪里|在哪)[儿里]?[买办考申下报]|哪个(?:更?好|牌子)|哪款|什么牌子"),
        re.compile(r"(?!)"),
    ),
)


def claim(form: str) -> str:
    """The clauses of a question that are not about the asker's own group."""
    return ",".join(part for part in _CLAUSE.split(form) if part and not _OWN.search(part))


def said(form: str) -> bool:
    """Whether a question names a source for what it says."""
    return _SAID.search(form) is not None


def live(form: str) -> bool:
    """Whether only the asker's own records could answer."""
    return _LIVE.search(form) is not None


def houses(form: str) -> list[str]:
    """The houses and products that a question names."""
    return _HOUSES.findall(form)


def absent(question: str, form: str, evidence: str) -> int:
    """How much of what an answer would have to name the evidence does not name.

    Args:
        question: as written, since names begin with capitals; ``form`` is its search form.

    Returns:
        1 when a thing, house or name in the question is not in the evidence, plus 1 for each kind
        asked for (money, hour, where) of which it has nothing.
    """
    names = [*_THINGS.findall(form), *houses(form)]
    names += [name.lower() for name in _NAME.findall(question)]
    kinds = sum(bool(asks.search(form)) and not has.search(evidence) for asks, has in _KINDS)
    return any(name not in evidence for name in names) + kinds
