"""Common given names and surnames, English and Chinese: short lists, and far from all there are."""

from __future__ import annotations


def listed(words: str) -> frozenset[str]:
    """The words of a text, each once."""
    return frozenset(words.split())


#: Given names that are frequent where English is spoken; those that are mainly words are left out.
GIVEN = listed(
    "Aaron Abigail Adam Adrian Aiden Alan Albert Alex Alexander Alexandra Alexis Alice Alicia "
    "Alison Allison Amanda Amber Amelia Amy Andrea Andrew Angela Anita Ann Anna Anne Annie "
    "Anthony Antonio Arthur Ashley Austin Barbara Beatrice Benjamin Bernard Beth Bethany Betty "
    "Beverly Bonnie Bradley Brandon Brenda Brian Brittany Bruce Bryan Caleb Cameron Carl Carla "
    "Carlos Carmen Carol Caroline Carolyn Catherine Cathy Charles Charlotte Chelsea Cheryl "
    "Chloe Chris Christian Christina Christine Christopher Cindy Claire Clara Colin Connie "
    "Connor Courtney Craig Crystal Curtis Cynthia Daisy Daniel Danielle David Dawn Dean Deborah "
    "Debra Denise Dennis Derek Diana Diane Donald Donna Doris Dorothy Douglas Duncan Dustin "
    "Dylan Edward Eileen Elaine Eleanor Elizabeth Ella Ellen Emily Emma Eric Erica Erin Ethan "
    "Eugene Eva Evan Evelyn Fiona Frances Francis Frank Fred Gabriel Gareth Gary Gavin Geoffrey "
    "George Georgia Gerald Geraldine Gillian Glen Glenn Gloria Gordon Graham Gregory Hannah "
    "Harold Harriet Harry Hayley Hazel Heather Helen Henry Holly Howard Hugh Ian Isaac Isabella "
    "Isabelle Jack Jackie Jacob Jacqueline Jade James Jamie Jane Janet Janice Jason Jasmine "
    "Jean Jeffrey Jennifer Jeremy Jerry Jesse Jessica Jill Jim Jimmy Joan Joanna Joanne Joe "
    "Joel John Jonathan Jordan Jose Joseph Josh Joshua Joyce Juan Judith Judy Julia Julian "
    "Julie Justin Karen Karl Kate Katherine Kathleen Kathryn Kathy Katie Kayla Keith Kelly "
    "Kenneth Kerry Kevin Kim Kimberly Kirsty Kyle Larry Laura Lauren Lawrence Leah Leanne Lee "
    "Leon Leonard Leslie Lewis Liam Linda Lindsay Lindsey Lisa Logan Lois Lori Lorraine Louis "
    "Louise Lucas Lucy Luis Luke Lydia Lynn Lynne Madison Malcolm Marc Marcus Margaret Maria "
    "Marian Marie Marilyn Marion Mark Martha Martin Mary Mason Mathew Matthew Maureen Max Megan "
    "Melanie Melissa Michael Micheal Michele Michelle Miguel Mildred Miranda Mitchell Mohammad "
    "Mohammed Molly Monica Nancy Naomi Natalie Natasha Nathan Neil Nicholas Nicola Nicole Nigel "
    "Noah Norma Norman Oliver Olivia Oscar Owen Paige Pamela Patricia Patrick Paul Paula "
    "Pauline Peggy Peter Philip Phillip Phyllis Rachael Rachel Ralph Randall Randy Raymond "
    "Rebecca Renee Rhys Ricardo Richard Rita Robert Roberta Robin Rodney Roger Ronald Rosemary "
    "Ross Roy Russell Ruth Ryan Sabrina Sally Samantha Samuel Sandra Sara Sarah Scott Sean "
    "Sebastian Shane Shannon Sharon Shaun Shawn Sheila Shelby Sherry Shirley Sidney Simon "
    "Sophia Sophie Stacey Stacy Stanley Stephanie Stephen Steve Steven Stewart Stuart Sue Susan "
    "Suzanne Sylvia Tamara Tammy Tanya Tara Taylor Teresa Terry Theresa Thomas Tiffany Tim "
    "Timothy Tina Todd Tom Tony Tracey Tracy Travis Trevor Tyler Valerie Vanessa Veronica Vicki "
    "Victor Victoria Vincent Walter Wanda Wayne Wendy William Yolanda Yvonne Zachary Zoe"
)
#: Surnames that are frequent where English is spoken; those that are mainly words are left out.
SURNAMES = listed(
    "Adams Ahmed Alexander Ali Allen Alvarez Anderson Andrews Armstrong Arnold Atkinson Austin "
    "Bailey Baker Barker Barnes Barnett Bennett Bradley Brooks Brown Bryant Burke Burns Butler "
    "Campbell Carlson Carpenter Carroll Carter Castillo Castro Chapman Chavez Chen Clark Clarke "
    "Cohen Coleman Collins Cooper Cox Crawford Cruz Cunningham Daniels Davidson Davies Davis "
    "Diaz Dixon Duncan Edwards Elliott Ellis Evans Ferguson Fernandez Fisher Fleming Fletcher "
    "Flores Foster Fox Francis Freeman Garcia Gardner Gibson Gomez Gonzales Gonzalez Gordon "
    "Graham Gutierrez Hall Hamilton Hansen Harper Harris Harrison Hart Harvey Hawkins Henderson "
    "Henry Hernandez Herrera Hicks Hoffman Holmes Howard Howell Hudson Hughes Hunt Hussain "
    "Jackson Jacobs James Jenkins Jensen Jimenez Johnson Johnston Jones Kaur Kelley Kelly "
    "Kennedy Khan Kim Knight Larson Lawrence Lawson Lee Lewis Lloyd Lopez Lynch Marshall Martin "
    "Martinez Mason Matthews McDonald Medina Mendoza Meyer Miller Mills Mitchell Moore Morales "
    "Moreno Morgan Morris Morrison Murphy Murray Myers Nelson Newman Nguyen Nichols Obrien "
    "Oliver Olson Ortega Ortiz Owens Palmer Parker Patel Patterson Payne Perez Perkins Perry "
    "Peters Peterson Phillips Pierce Porter Powell Price Ramirez Ramos Reed Reid Reyes Reynolds "
    "Richards Richardson Riley Rivera Roberts Robertson Robinson Rodriguez Rogers Romero Rose "
    "Ross Ruiz Russell Ryan Salazar Sanchez Sanders Schmidt Schultz Scott Shaw Silva Simmons "
    "Simpson Singh Smith Snyder Soto Spencer Stephens Stevens Stevenson Stewart Stone Sullivan "
    "Taylor Thomas Thompson Torres Tran Tucker Turner Vargas Vasquez Wagner Walker Wallace "
    "Walsh Ward Warren Washington Watkins Watson Weaver Webb Weber Welch Wheeler White "
    "Wilkinson Williams Williamson Wilson Wood Woods Wright Young"
)
#: Chinese surnames, those of one character and those of two.
SURNAMES_ZH = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡"
    "贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷"
    "钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申尤毕聂丛焦向柳邢路"
    "岳齐沿梅莫庄辛管祝左涂谷祁时舒耿牟卜詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍位覃霍翁"
    "隋植甘景薄单包司柏宁柯阮桂闵解强柴华车冉房边辜"
)
SURNAMES_ZH_TWO = (
    "欧阳",
    "司马",
    "上官",
    "诸葛",
    "东方",
    "皇甫",
    "尉迟",
    "公孙",
    "慕容",
    "令狐",
    "司徒",
)
