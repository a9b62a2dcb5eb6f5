import { expect, test } from './helpers';

test('ask about a picture, see the card, forget it', async ({ page, perdure }) => {
  test.setTimeout(240_000);
  await perdure.start('pictures.ipynb');
  await perdure.panel.getByRole('tab', { name: 'Answers' }).click();
  await expect(perdure.panel).toContainText('No image question has been asked here yet');
  await perdure.cell('%load_ext perdure');
  await perdure.cell(
    [
      'from PIL import Image, ImageDraw',
      'photo = Image.new("RGB", (64, 64), "white")',
      'ImageDraw.Draw(photo).ellipse((14, 14, 50, 50), "red")'
    ].join('\n')
  );
  await perdure.cell('%cot ask -i photo -o seen What shape is in the image?');
  await perdure.cell('%cot ask -i photo What shape is in the image?');
  await perdure.button('Look again', page.locator('#perdure-main')).click();
  const cards = perdure.panel.locator('.perdure-Card');
  await expect(cards).toHaveCount(2);
  await expect(cards.first()).toContainText('exact hit');
  await expect(cards.first()).toContainText('What shape is in the image?');
  await expect(perdure.panel.locator('.perdure-Stats')).toContainText('calls saved');
  const picture = cards.first().locator('img');
  await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);

  await cards.first().getByRole('button', { name: 'Why' }).click();
  await expect(cards.first().locator('.perdure-Card-detail')).toContainText('tokens in');
  await perdure.look('answers');

  await perdure.panel.getByLabel('Who answered').selectOption('exact');
  await expect(cards).toHaveCount(1);
  await perdure.panel.getByLabel('Who answered').selectOption('');
  await expect(cards).toHaveCount(2);

  await cards.last().getByRole('button', { name: /^Pin/ }).click();
  await expect(cards.last()).toContainText('pinned');
  await cards.last().getByRole('button', { name: 'Why' }).click();
  await cards.last().getByRole('button', { name: 'Forget…' }).click();
  await page.locator('.jp-Dialog').getByRole('button', { name: 'Forget' }).click();
  await expect(perdure.told).toContainText('Forgotten');
  await expect(cards).toHaveCount(0);
});

test('answers about pictures like this one; one that is wrong; all of them in a file', async ({ page, perdure }) => {
  test.setTimeout(240_000);
  const dialog = page.locator('.jp-Dialog');
  await perdure.start('alike.ipynb');
  await perdure.cell('%load_ext perdure');
  await perdure.cell(
    [
      'from PIL import Image, ImageDraw',
      'def drawn(colour, *box):',
      '    picture = Image.new("RGB", (64, 64), "white")',
      '    ImageDraw.Draw(picture).rectangle(box, colour)',
      '    return picture',
      'left, right = drawn("blue", 4, 20, 28, 44), drawn("green", 34, 10, 60, 54)'
    ].join('\n')
  );
  await perdure.cell('%cot ask --master -i left What shape is it on the left?');
  await perdure.cell('%cot ask --master -i right What shape is it on the right?');
  await perdure.panel.getByRole('tab', { name: 'Answers' }).click();
  await perdure.button('Look again', page.locator('#perdure-main')).click();
  const card = (question: string) => perdure.panel.locator('.perdure-Card', { hasText: question });
  await expect(card('on the left')).toHaveCount(1);
  await expect(card('on the right')).toHaveCount(1);

  await card('on the left').getByRole('button', { name: 'More like this' }).click();
  await expect(perdure.panel).toContainText('Most alike pictures');
  await expect(card('on the left')).toHaveCount(0);
  await expect(card('on the right')).toHaveCount(1);
  await perdure.look('alike');
  await perdure.button('Show all again').click();
  await expect(card('on the left')).toHaveCount(1);

  await card('on the left').getByRole('button', { name: 'Why' }).click();
  await card('on the left').getByRole('button', { name: 'Wrong…' }).click();
  await dialog.locator('input').fill('a rectangle');
  await dialog.getByRole('button', { name: 'Mark as wrong' }).click();
  await expect(perdure.told).toContainText('Marked as wrong', { timeout: 60_000 });
  await expect(card('on the left').filter({ hasText: '✕ wrong' })).toHaveCount(1);
  await perdure.panel.getByLabel('Doubtful only').check();
  await expect(card('on the right')).toHaveCount(0);
  await expect(card('on the left').filter({ hasText: '✕ wrong' })).toHaveCount(1);
  await perdure.panel.getByLabel('Doubtful only').uncheck();

  await perdure.button('Export all answers…').click();
  await expect(dialog.locator('input')).toHaveValue('answers.cot');
  await dialog.getByRole('button', { name: 'Export' }).click();
  await expect(perdure.told).toContainText('All answers are in answers.cot', { timeout: 60_000 });
  expect(await perdure.value('__import__("os").path.getsize("answers.cot") > 1000')).toBe('True');
});
